//! Takes a list of facts apart where the whole is no JSON, so that a fact that is none, such as one
//! with a `NaN` in it, refuses only itself.
//!
//! It looks at texts, brackets and commas and at nothing else; each piece is read for itself later.

/// The members of an envelope, each as it was sent.
#[derive(Debug)]
pub(super) struct Pieces<'b> {
    /// What stands after `sent_at`.
    pub(super) sent_at: Option<&'b [u8]>,
    /// Each member of the list after `events`.
    pub(super) events: Vec<&'b [u8]>,
}

impl<'b> Pieces<'b> {
    /// Finds where each begins and ends; none where the body is no envelope, or breaks off.
    pub(super) fn of(body: &'b [u8]) -> Option<Self> {
        let mut rest = Rest(body.trim_ascii());
        let (mut sent_at, mut events) = (None, None);
        rest.take(b'{')?;
        loop {
            let name = rest.text()?;
            rest.take(b':')?;
            let value = rest.value()?;
            match name {
                b"\"sent_at\"" => sent_at = Some(value),
                b"\"events\"" => events = Some(members(value)?),
                _ => {}
            }
            if rest.take(b',').is_none() {
                break;
            }
        }
        rest.take(b'}')?;
        rest.0.is_empty().then_some(Self { sent_at, events: events? })
    }
}

fn members(list: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = Rest(list);
    let mut members = Vec::new();
    rest.take(b'[')?;
    loop {
        members.push(rest.value()?);
        if rest.take(b',').is_none() {
            break;
        }
    }
    rest.take(b']')?;
    rest.0.is_empty().then_some(members)
}

/// What is not looked at yet.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn take(&mut self, byte: u8) -> Option<()> {
        let (first, after) = self.0.trim_ascii_start().split_first()?;
        (*first == byte).then(|| self.0 = after)
    }

    /// A quoted text, with its quotes.
    fn text(&mut self) -> Option<&'b [u8]> {
        self.0 = self.0.trim_ascii_start();
        let end = end_of_text(self.0)?;
        self.cut(end)
    }

    /// Everything up to the comma or bracket that ends it.
    fn value(&mut self) -> Option<&'b [u8]> {
        let (mut at, mut depth) = (0_usize, 0_usize);
        loop {
            match self.0.get(at)? {
                b'"' => at += end_of_text(self.0.get(at..)?)? - 1,
                b'{' | b'[' => depth += 1,
                b',' | b'}' | b']' if depth == 0 => return self.cut(at).map(<[u8]>::trim_ascii),
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            at += 1;
        }
    }

    fn cut(&mut self, at: usize) -> Option<&'b [u8]> {
        let (piece, after) = self.0.split_at_checked(at)?;
        self.0 = after;
        Some(piece)
    }
}

/// How long the quoted text is with which `rest` begins.
fn end_of_text(rest: &[u8]) -> Option<usize> {
    let mut at = 1;
    if rest.first() != Some(&b'"') {
        return None;
    }
    loop {
        match rest.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

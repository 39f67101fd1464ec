//! Who asks, as handlers see it: what of an account they may answer with.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::Grant;
use super::rules::{Need, suffices};
use crate::events::{Fact, ProfileId, SessionKey, Timestamp};
use crate::http::parameters::Parameters;
use crate::http::{Node, Problem};
use crate::projections::{AnswerError, When};

/// Who asks. Where no tokens are needed there is no grant, and everything may be seen and done.
#[derive(Debug, Clone)]
pub(in crate::http) struct Caller(pub(super) Option<Arc<Grant>>);

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let known = request.extensions().get::<Self>().cloned();
        let is_asked = request.app_data::<Data<Node>>().is_none_or(|node| node.tokens.is_some());
        ready(match known {
            None if is_asked => Err(Problem::unauthenticated("this needs a token")),
            None => Ok(Self(None)),
            Some(caller) => Ok(caller),
        })
    }
}

impl Caller {
    fn grant(&self) -> Option<&Grant> {
        self.0.as_deref()
    }

    /// The one profile that may be seen and written, if there is but one.
    pub(in crate::http) fn profile(&self) -> Option<&ProfileId> {
        self.grant()?.profile.as_ref()
    }

    /// Whether a profile's things may be seen and changed.
    pub(in crate::http) fn may_see(&self, profile: &ProfileId) -> bool {
        self.profile().is_none_or(|mine| mine == profile)
    }

    /// Makes sure that the token's scope has what is needed.
    ///
    /// # Errors
    /// 403.
    pub(in crate::http) fn needs(&self, need: Need) -> Result<(), Problem> {
        self.grant().map_or(Ok(()), |grant| suffices(grant, need))
    }

    /// Until when the token is good.
    pub(in crate::http) fn expires_at(&self) -> Option<Timestamp> {
        self.grant()?.expires_at
    }

    /// Makes sure that a fact is of the profile that the token is limited to.
    ///
    /// A fact that names none takes that one: whose session it is of decides then, and another's
    /// refuses it.
    ///
    /// # Errors
    /// 403.
    pub(in crate::http) fn claim(&self, fact: &mut Fact) -> Result<(), Problem> {
        let Some(mine) = self.profile() else { return Ok(()) };
        let about = fact.about.get_or_insert_default();
        self.check(about.profile.get_or_insert_with(|| mine.clone()))
    }

    /// Makes sure that something is of a profile that the token lets through.
    ///
    /// # Errors
    /// 403.
    pub(in crate::http) fn check(&self, profile: &ProfileId) -> Result<(), Problem> {
        if self.may_see(profile) {
            return Ok(());
        }
        Err(Problem::forbidden(format!("profile {profile} is not the one that the token is of")))
    }

    /// Makes sure that what `?after=` names, if it does, is not another profile's: whoever may not
    /// see that is not told that it is there.
    ///
    /// # Errors
    /// As for a session that is not there.
    pub(in crate::http) async fn may_wait(
        &self,
        node: &Node,
        asked: &Parameters,
    ) -> Result<(), Problem> {
        let (Some(mine), Ok(When { after: Some((session, _)), .. })) =
            (self.profile(), asked.when())
        else {
            return Ok(());
        };
        let owner = node.answers.owner(&SessionKey { account: asked.account()?, session }).await?;
        let is_mine = owner.as_ref() == Some(mine);
        if is_mine { Ok(()) } else { Err(AnswerError::After.into()) }
    }

    /// Counts one more request, and waits for its turn where the token makes too many.
    pub(in crate::http) async fn keep_pace(&self, node: &Node) {
        let (Some(tokens), Some(grant)) = (&node.tokens, self.grant()) else { return };
        while let Err(wait) = tokens.pace.count(grant) {
            tokio::time::sleep(wait).await;
        }
    }
}

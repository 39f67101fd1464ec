//! Shapes of which the types alone do not say enough: bodies that may be several things, and what a
//! fact must have. And what is spelled out where it has a name is called by that name.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::schema::{
    ArrayItems, KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type,
};
use utoipa::openapi::{Object, OpenApi as Document, Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::events::json::FactJson;
use crate::events::{Kind, Media, Reason};
use crate::http::body::Envelope;

/// What no fact goes without.
const REQUIRED: [&str; 3] = ["session", "kind", "position_ms"];
const REASONS: [Reason; 5] =
    [Reason::Ended, Reason::User, Reason::Error, Reason::TakenOver, Reason::Idle];
const MEDIA: [Media; 6] =
    [Media::Movie, Media::Episode, Media::Live, Media::Trailer, Media::Clip, Media::Audio];

/// Where facts are taken: one, or many in an envelope.
pub(in crate::http) struct OneOrMany;

impl PartialSchema for OneOrMany {
    fn schema() -> RefOr<Schema> {
        let item = |name| Ref::from_schema_name(name);
        let both = OneOfBuilder::new().item(item(FactJson::name())).item(item(Envelope::name()));
        both.description(Some("One fact, or many in an envelope.")).into()
    }
}

impl ToSchema for OneOrMany {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((FactJson::name().into_owned(), FactJson::schema()));
        schemas.push((Envelope::name().into_owned(), Envelope::schema()));
    }
}

/// Where to go on with one title, or with many.
pub(in crate::http) struct ResumeOrItems;

impl PartialSchema for ResumeOrItems {
    fn schema() -> RefOr<Schema> {
        let item = |name| Ref::from_schema_name(name);
        let both = OneOfBuilder::new().item(item("Answer_Items_Resume"));
        let both = both.item(item("Answer_Resume"));
        both.description(Some("Many titles as they were asked for, or the one.")).into()
    }
}

impl ToSchema for ResumeOrItems {}

/// What a command on a title may be told.
pub(in crate::http) struct Told;

impl PartialSchema for Told {
    fn schema() -> RefOr<Schema> {
        let position = number("Where to go on; `position` needs it.");
        let at = instant("When it was watched, if not now; of `watched`.");
        let told = ObjectBuilder::new().property("position_ms", position).property("at", at);
        told.description(Some("What a command is told; most need nothing.")).into()
    }
}

impl ToSchema for Told {}

/// What to undo.
pub(in crate::http) struct Since;

impl PartialSchema for Since {
    fn schema() -> RefOr<Schema> {
        let title = ObjectBuilder::from(plain()).description(Some("Of this title alone."));
        ObjectBuilder::new()
            .property("since", instant("The instant to go back to."))
            .required("since")
            .property("title", title)
            .description(Some("What to undo."))
            .into()
    }
}

impl ToSchema for Since {}

/// Says of a fact what its type does not, and calls by its name what has one.
pub(super) fn amend(document: &mut Document) {
    let schemas = &mut document.components.get_or_insert_default().schemas;
    if let Some(RefOr::T(Schema::Object(fact))) = schemas.get_mut(&*FactJson::name()) {
        amend_fact(fact);
    }
    let named = schemas.clone();
    schemas.values_mut().for_each(|schema| name_parts(schema, &named));
}

/// The type takes anything, so that what is missing can be told; it is read and written, and of
/// fields that are only read nothing is derived.
fn amend_fact(fact: &mut Object) {
    fact.description = Some("What a player did. Unknown fields are passed over.".to_owned());
    fact.required = REQUIRED.map(str::to_owned).to_vec();
    for property in fact.properties.values_mut() {
        if let RefOr::T(Schema::Object(property)) = property {
            property.default = None;
        }
    }
    let session = "A UUIDv7, the same for all facts of one playback.";
    let private = ObjectBuilder::new()
        .schema_type(Type::Boolean)
        .description(Some("Not to be recorded; on every fact of the session."));
    let reference = ObjectBuilder::from(plain()).description(Some("Echoed in acknowledgements."));
    let sent_at = "The player's clock at this very attempt, on a fact sent alone.";
    let kinds = Kind::ALL.map(Kind::as_str);
    let amended = [
        ("session", ObjectBuilder::from(uuid()).description(Some(session))),
        ("kind", ObjectBuilder::from(words(kinds)).description(Some("What happened."))),
        ("position_ms", number("Where the playhead is.")),
        ("reason", ObjectBuilder::from(words(REASONS)).description(Some("Why it stopped."))),
        ("media", ObjectBuilder::from(words(MEDIA)).description(Some("What sort of thing it is."))),
        ("sent_at", instant(sent_at)),
        ("private", private),
        ("ref", reference),
    ];
    fact.properties.extend(amended.map(|(name, schema)| (name.to_owned(), schema.into())));
}

type Schemas = BTreeMap<String, RefOr<Schema>>;

/// Goes through what a schema spells out.
fn name_parts(schema: &mut RefOr<Schema>, named: &Schemas) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::AllOf(all) => all.items.iter_mut().for_each(|part| call_by_name(part, named)),
        Schema::Object(object) => {
            object.properties.values_mut().for_each(|part| call_by_name(part, named));
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                call_by_name(items, named);
            }
        }
        _ => {}
    }
}

fn call_by_name(part: &mut RefOr<Schema>, named: &Schemas) {
    match named.iter().find(|(_, other)| *other == part) {
        Some((name, _)) => *part = Ref::from_schema_name(name).into(),
        None => name_parts(part, named),
    }
}

/// A text.
pub(super) fn plain() -> Object {
    Object::with_type(Type::String)
}

/// An id of this service's own.
pub(super) fn uuid() -> Object {
    let format = SchemaFormat::KnownFormat(KnownFormat::Uuid);
    ObjectBuilder::from(plain()).format(Some(format)).build()
}

/// One of these words.
pub(super) fn words<W: serde::Serialize, const N: usize>(words: [W; N]) -> Object {
    let words = words.map(|word| json!(word));
    ObjectBuilder::from(plain()).enum_values(Some(words)).build()
}

fn instant(description: &str) -> ObjectBuilder {
    ObjectBuilder::from(plain())
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some(description))
}

fn number(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0))
        .description(Some(description))
}

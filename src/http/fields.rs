//! The fields of a body that is one JSON object, each read for itself, so that an error names its
//! field.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Problem;

/// The fields of a body that is one JSON object, or that was left out.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body.
    ///
    /// # Errors
    /// 400 when it is not JSON, 422 when it is no object.
    pub(super) fn of(body: &[u8]) -> Result<Self, Problem> {
        if body.trim_ascii().is_empty() {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Problem::invalid("the body is not a JSON object")),
            Err(error) => Err(Problem::malformed(format!("the body is not JSON: {error}"))),
        }
    }

    /// A field, if it is there; `right` says in words what it should be.
    ///
    /// # Errors
    /// 422 when it is something else.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        name: &str,
        right: &str,
    ) -> Result<Option<T>, Problem> {
        let given = self.0.get(name).filter(|value| !value.is_null());
        let read = given.map(T::deserialize).transpose();
        read.map_err(|_| Problem::invalid(format!("{name} is not {right}")))
    }
}

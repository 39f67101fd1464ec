//! The API's description, and whether an answer is one that it describes: as much of JSON Schema as
//! it uses, and no field that it does not name.

use std::collections::BTreeSet;

use serde_json::Value;
use viewlog::http::document;

use crate::http::site::Answer;

/// The API's description.
pub(super) struct Description(pub(super) Value);

type Fit = Result<(), String>;

impl Description {
    pub(super) fn read() -> Self {
        Self(serde_json::to_value(document()).unwrap())
    }

    /// Every operation, by its method and its address.
    pub(super) fn operations(&self) -> Vec<(String, String, &Value)> {
        let paths = self.0["paths"].as_object().unwrap();
        let each = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(|(method, operation)| (method.to_uppercase(), path.clone(), operation))
        });
        each.collect()
    }

    /// What an operation answers, by status.
    pub(super) fn responses<'d>(&'d self, operation: &'d Value) -> Vec<(&'d str, &'d Value)> {
        let responses = operation["responses"].as_object().unwrap().iter();
        responses.map(|(status, response)| (status.as_str(), self.resolved(response))).collect()
    }

    /// Makes sure that an answer is described: its status, its content type, its shape.
    #[track_caller]
    pub(super) fn describes(&self, (method, target): (&str, &str), answer: &Answer) {
        let path = target.split('?').next().unwrap();
        let operations = self.operations();
        let (_, _, operation) = operations
            .iter()
            .find(|(of, address, _)| of == method && is_at(address, path))
            .unwrap_or_else(|| panic!("{method} {path} is not described"));
        let responses = self.responses(operation);
        let status = answer.status.to_string();
        let (_, response) = responses
            .iter()
            .find(|(of, _)| **of == status)
            .unwrap_or_else(|| panic!("{method} {path} {status} is not described: {answer:?}"));
        let kind = answer.header("content-type").split(';').next().unwrap();
        let Some(content) = response["content"].as_object() else {
            assert_eq!(answer.text, "", "{method} {path} {status}");
            return;
        };
        let content = content.get(kind);
        let content = content.unwrap_or_else(|| panic!("{method} {path} {status}: {kind}"));
        if kind != "application/x-ndjson" && kind.ends_with("json") {
            let fit = self.fits(&content["schema"], &answer.json);
            assert_eq!(fit, Ok(()), "{method} {path} {status}: {answer:?}");
        }
    }

    /// Whether a value is what a schema says, with no field that it does not name.
    pub(super) fn fits(&self, schema: &Value, value: &Value) -> Fit {
        let names = self.names(schema);
        let fields = value.as_object().into_iter().flatten();
        let unknown = fields.map(|(name, _)| name).find(|name| !names.contains(name.as_str()));
        match unknown {
            Some(name) if !self.is_map(schema) => Err(format!("{name} is not described")),
            _ => self.part_fits(schema, value),
        }
    }

    fn part_fits(&self, schema: &Value, value: &Value) -> Fit {
        let schema = self.resolved(schema);
        list(schema, "allOf").iter().try_for_each(|part| self.part_fits(part, value))?;
        let choices = list(schema, "oneOf");
        let fitting = choices.iter().filter(|choice| self.fits(choice, value).is_ok()).count();
        if !choices.is_empty() && fitting != 1 {
            return Err(format!("{value} is {fitting} of {schema}"));
        }
        if !is_of_type(&schema["type"], value) {
            return Err(format!("{value} is not {}", schema["type"]));
        }
        let words = list(schema, "enum");
        if !words.is_empty() && !words.contains(value) {
            return Err(format!("{value} is none of {words:?}"));
        }
        self.fields_fit(schema, value)?;
        let (first, others) = (list(schema, "prefixItems"), &schema["items"]);
        let mut items = value.as_array().into_iter().flatten().enumerate();
        items.try_for_each(|(at, item)| match first.get(at).unwrap_or(others) {
            Value::Bool(false) => Err(format!("{value} has too many items")),
            of => self.fits(of, item).map_err(|error| format!("[{at}] {error}")),
        })
    }

    fn fields_fit(&self, schema: &Value, value: &Value) -> Fit {
        let Some(fields) = value.as_object() else { return Ok(()) };
        let mut required = list(schema, "required").iter().filter_map(Value::as_str);
        if let Some(missing) = required.find(|name| !fields.contains_key(*name)) {
            return Err(format!("{missing} is missing"));
        }
        let named = &schema["properties"];
        fields.iter().try_for_each(|(name, field)| {
            let of = named.get(name).or_else(|| schema.get("additionalProperties"));
            let fit = of.map_or(Ok(()), |of| self.fits(of, field));
            fit.map_err(|error| format!("{name}: {error}"))
        })
    }

    /// The fields that a schema names, in whatever part.
    fn names<'d>(&'d self, schema: &'d Value) -> BTreeSet<&'d str> {
        let schema = self.resolved(schema);
        let parts = list(schema, "allOf").iter().chain(list(schema, "oneOf"));
        let own = schema["properties"].as_object().into_iter().flatten();
        let own = own.map(|(name, _)| name.as_str());
        parts.flat_map(|part| self.names(part)).chain(own).collect()
    }

    fn is_map(&self, schema: &Value) -> bool {
        self.resolved(schema).get("additionalProperties").is_some()
    }

    fn resolved<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value["$ref"].as_str() {
            None => value,
            Some(place) => self.0.pointer(place.trim_start_matches('#')).unwrap(),
        }
    }
}

fn list<'v>(schema: &'v Value, name: &str) -> &'v [Value] {
    schema[name].as_array().map_or(&[], Vec::as_slice)
}

fn is_of_type(named: &Value, value: &Value) -> bool {
    match named {
        Value::Array(each) => each.iter().any(|one| is_of_type(one, value)),
        Value::String(named) => match named.as_str() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            other => panic!("{other}"),
        },
        _ => true,
    }
}

fn is_at(address: &str, path: &str) -> bool {
    let (address, path): (Vec<_>, Vec<_>) =
        (address.split('/').collect(), path.split('/').collect());
    let mut both = address.iter().zip(&path);
    address.len() == path.len() && both.all(|(part, of)| part == of || part.starts_with('{'))
}

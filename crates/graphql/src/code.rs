use std::borrow::Cow;

use async_graphql::{
    ContextSelectionSet, InputType, InputValueError, InputValueResult, Name, OutputType, Positioned, ServerResult,
    Value,
    indexmap::IndexMap,
    parser::types::Field,
    registry::{Deprecation, MetaEnumValue, MetaType, MetaTypeId, Registry},
};
use healthbridge_terms::Coded;

/// The GraphQL face of an enum of codes: its values, their descriptions and its name are those of its definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Code<T>(pub T);

impl<T> From<T> for Code<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

/// The values of a list argument; none where it is left out.
pub fn codes<T>(list: Option<Vec<Code<T>>>) -> Vec<T> {
    list.into_iter().flatten().map(|Code(value)| value).collect()
}

impl<T: Coded> Code<T> {
    fn meta() -> MetaType {
        let values = T::ALL.iter().map(|(value, meaning)| {
            let name = value.text().to_owned();
            let value = MetaEnumValue {
                name: name.clone(),
                description: Some((*meaning).to_owned()),
                deprecation: Deprecation::NoDeprecated,
                visible: None,
                inaccessible: false,
                tags: Vec::new(),
                directive_invocations: Vec::new(),
            };
            (name, value)
        });
        MetaType::Enum {
            name: T::NAME.to_owned(),
            description: Some(T::ABOUT.to_owned()),
            enum_values: values.collect::<IndexMap<_, _>>(),
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            rust_typename: Some(std::any::type_name::<Self>()),
            directive_invocations: Vec::new(),
            requires_scopes: Vec::new(),
        }
    }
}

impl<T: Coded> InputType for Code<T> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_input_type::<Self, _>(MetaTypeId::Enum, |_| Self::meta())
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let value = value.unwrap_or_default();
        let text = match &value {
            Value::Enum(name) => name.as_str(),
            Value::String(text) => text,
            _ => return Err(InputValueError::expected_type(value)),
        };
        let parsed = text.parse().map(Self);
        parsed.map_err(|_| InputValueError::custom(format_args!("Enumeration type does not contain value \"{text}\".")))
    }

    fn to_value(&self) -> Value {
        Value::Enum(Name::new(self.0.text()))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

impl<T: Coded> OutputType for Code<T> {
    fn type_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Enum, |_| Self::meta())
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(self.to_value())
    }
}

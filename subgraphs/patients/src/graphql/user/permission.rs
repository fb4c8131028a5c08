use std::borrow::Cow;

use async_graphql::{
    ContextSelectionSet, Name, OutputType, Positioned, ServerResult, Value,
    parser::types::Field,
    registry::{Deprecation, MetaEnumValue, MetaType, MetaTypeId, Registry},
};
use healthbridge_rights::Permission;

/// The GraphQL face of a permission: an enum whose values are those of the table of rights.
pub(crate) struct PermissionCode(pub Permission);

const ABOUT: &str = "What an account may do: a right on a kind of record (FHIR's resource types; CREATE, READ, UPDATE, DELETE, SEARCH), \
    or a policy. It does not say whose records: those of every patient for the staff, a patient's own for a patient. \
    `docs/authorization.md` lists the scopes that each field needs.";

fn meta() -> MetaType {
    let values = Permission::all().into_iter().map(|permission| {
        let name = permission.name();
        let scopes: Vec<String> = permission.scopes().into_iter().map(|scope| format!("`{scope}`")).collect();
        let value = MetaEnumValue {
            name: name.clone(),
            description: Some(format!("Given by {}.", scopes.join(", "))),
            deprecation: Deprecation::NoDeprecated,
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            directive_invocations: Vec::new(),
        };
        (name, value)
    });
    MetaType::Enum {
        name: "Permission".to_owned(),
        description: Some(ABOUT.to_owned()),
        enum_values: values.collect(),
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        rust_typename: Some(std::any::type_name::<PermissionCode>()),
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    }
}

impl OutputType for PermissionCode {
    fn type_name() -> Cow<'static, str> {
        "Permission".into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Enum, |_| meta())
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(Value::Enum(Name::new(self.0.name())))
    }
}

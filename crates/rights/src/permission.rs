use std::collections::BTreeSet;

use healthbridge_terms::Coded;

use crate::{
    Resource, Right, Role,
    scope::{TABLE, policies},
};

/// What may be done, in one word: a right on a resource, whoever's rows it reaches, or a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// A right on a resource.
    Right(Resource, Right),
    /// A policy, such as `report.sign`.
    Policy(&'static str),
}

impl Permission {
    /// Every permission that there is, in the order of the table of rights.
    pub fn all() -> Vec<Self> {
        let rights = TABLE.iter().flat_map(|(resource, _)| Right::ALL.map(|right| Self::Right(*resource, right)));
        let policies: BTreeSet<&'static str> = Role::all().flat_map(policies).copied().collect();
        rights.chain(policies.into_iter().map(Self::Policy)).collect()
    }

    /// Those that scopes give, in the order of the table of rights.
    pub fn given_by(scopes: &BTreeSet<String>) -> Vec<Self> {
        Self::all()
            .into_iter()
            .filter(|permission| permission.scopes().iter().any(|scope| scopes.contains(scope)))
            .collect()
    }

    /// The scopes of which each one gives it.
    pub fn scopes(self) -> Vec<String> {
        match self {
            Self::Right(resource, right) => {
                ["user", "patient", "system"].map(|context| format!("{context}/{resource}.{}", right.letter())).into()
            }
            Self::Policy(policy) => vec![format!("policy:{policy}")],
        }
    }

    /// Its name, such as `IMAGING_STUDY_READ` or `REPORT_SIGN`.
    pub fn name(self) -> String {
        match self {
            Self::Right(resource, right) => {
                let mut name = String::new();
                for (place, letter) in resource.to_string().char_indices() {
                    if place > 0 && letter.is_ascii_uppercase() {
                        name.push('_');
                    }
                    name.push(letter.to_ascii_uppercase());
                }
                format!("{name}_{}", format!("{right:?}").to_ascii_uppercase())
            }
            Self::Policy(policy) => policy.replace('.', "_").to_ascii_uppercase(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::granted;

    fn names(role: Role) -> Vec<String> {
        Permission::given_by(&granted(&[role], [])).into_iter().map(Permission::name).collect()
    }

    #[test]
    fn every_permission_has_a_name_of_its_own_that_a_graph_can_have() {
        let all = Permission::all();
        let names: BTreeSet<String> = all.iter().map(|permission| permission.name()).collect();
        assert_eq!(names.len(), all.len());
        assert!(
            names.iter().all(|name| name.chars().all(|char| char.is_ascii_uppercase() || char == '_')),
            "{names:?}"
        );
        assert!(names.contains("IMAGING_STUDY_READ") && names.contains("REPORT_SIGN"), "{names:?}");
    }

    #[test]
    fn every_scope_of_every_role_gives_a_permission() {
        for role in Role::all() {
            for scope in granted(&[role], []) {
                assert_eq!(Permission::given_by(&[scope.clone()].into()).len(), 1, "{scope}");
            }
        }
    }

    #[test]
    fn a_patient_may_read_and_a_clerk_may_refund_whatever_the_scopes_are_called() {
        assert!(names(Role::Patient).iter().all(|name| name.ends_with("_READ")), "{:?}", names(Role::Patient));
        let clerk = names(Role::Clerk);
        for held in ["BILLING_REFUND", "CHARGE_ITEM_CREATE"] {
            assert!(clerk.iter().any(|name| name == held), "{held}: {clerk:?}");
        }
        assert!(!clerk.iter().any(|name| name.starts_with("IMAGING_STUDY")), "{clerk:?}");
    }

    #[test]
    fn a_machine_may_do_what_it_was_made_for() {
        let scopes = granted(&[Role::Service], ["system/Patient.s".to_owned()]);
        assert_eq!(Permission::given_by(&scopes), [Permission::Right(Resource::Patient, Right::Search)]);
    }
}

//! The only place where one engine's state touches another's.

/// When this is seen on the bus, that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The subject of the fact.
    pub when: String,
    /// The effect.
    pub then: Effect,
}

/// What a link does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A virtual router's priority falls below its peer's while the subject is down.
    LowerPriority {
        /// The instance's name.
        router: String,
    },
}

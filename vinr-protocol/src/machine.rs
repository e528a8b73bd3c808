//! The one idea behind every rule of the protocol.

/// A rule book that is fed inputs and says what must happen, and never does anything itself.
///
/// A machine has no socket, clock, thread or random number. Fresh ids and dates arrive in inputs, timers
/// are names that the host arms and reports back, and effects come in the order in which the world must
/// see them: a host performs one after the other, and **stops at a `Persist` until it is durable**.
///
/// The same machine runs in the SDK, in the simulator, in property tests and in the model checker; what
/// holds in one holds in all.
pub trait Machine {
    /// What can happen to it.
    type Input;
    /// What it asks of its host.
    type Effect;

    /// Takes one input and says, in order, what must happen now.
    #[must_use = "an effect that is dropped is a payment that is lost"]
    fn step(&mut self, input: Self::Input) -> Vec<Self::Effect>;
}

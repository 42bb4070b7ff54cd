//! Why the core stopped, as its register says it.

/// The cause of a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// It did not: the program ended, or runs.
    None,
    /// An unknown opcode.
    Opcode,
    /// An instruction waits for or signals its own unit.
    OwnUnit,
    /// A field holds a value that means nothing.
    Field,
    /// Reserved bits are set.
    Reserved,
    /// Control left the program.
    Left,
    /// A semaphore holds as many tokens as it can.
    Semaphore,
    /// Nothing has happened for as long as the watchdog allows.
    Watchdog,
    /// A unit reported a fault: an address outside its memory, an error of the bus.
    Unit,
    /// No program stands where it should.
    Magic,
    /// The program is of another version of the instruction set.
    Version,
    /// The program is for another configuration.
    Configuration,
    /// The program is empty, or longer than the program memory.
    Length,
    /// The program's checksum is wrong.
    Checksum,
}

impl Cause {
    /// Bits of its number.
    pub const BITS: usize = 4;

    /// All causes, by number.
    pub const ALL: &'static [Cause] = &[
        Cause::None,
        Cause::Opcode,
        Cause::OwnUnit,
        Cause::Field,
        Cause::Reserved,
        Cause::Left,
        Cause::Semaphore,
        Cause::Watchdog,
        Cause::Unit,
        Cause::Magic,
        Cause::Version,
        Cause::Configuration,
        Cause::Length,
        Cause::Checksum,
    ];

    /// Its number in the register.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The cause of a number.
    pub fn from_code(code: u8) -> Option<Cause> {
        Cause::ALL.get(usize::from(code)).copied()
    }

    /// A sentence for the host.
    pub fn text(self) -> &'static str {
        match self {
            Cause::None => "the program ended",
            Cause::Opcode => "an unknown opcode: was this program made for another version?",
            Cause::OwnUnit => "an instruction waits for or signals its own unit",
            Cause::Field => "a field of an instruction holds a value that means nothing",
            Cause::Reserved => "reserved bits of an instruction are set",
            Cause::Left => "control left the program: it lacks an end",
            Cause::Semaphore => "a semaphore overflows: tokens are given that nothing takes",
            Cause::Watchdog => {
                "nothing has happened for as long as the watchdog allows: units wait for each other"
            }
            Cause::Unit => {
                "a unit reported a fault: an address outside its memory, or an error of the bus"
            }
            Cause::Magic => {
                "no program stands at the address that the host gave: write it there first"
            }
            Cause::Version => {
                "the program is of another version of the instruction set: compile it again"
            }
            Cause::Configuration => {
                "the program is for another configuration: compile it for this one"
            }
            Cause::Length => "the program is empty or longer than the program memory",
            Cause::Checksum => "the program's checksum is wrong: it was damaged on its way, or cut",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_fit() {
        for (i, cause) in Cause::ALL.iter().enumerate() {
            assert_eq!((usize::from(cause.code()), Cause::from_code(i as u8)), (i, Some(*cause)));
        }
        assert!(Cause::ALL.len() <= 1 << Cause::BITS && Cause::from_code(200).is_none());
    }
}

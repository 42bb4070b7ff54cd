//! A checker of command streams that shares nothing with the controller but the table of parameters: every
//! pair of commands is held against the rule for that pair.

use skipopu_sim::memory::dram::{Command, DramTiming, Issued, BANKS};

/// Least distance from `a` to the later `b`, and the rule's name.
fn rule(t: &DramTiming, a: &Issued, b: &Issued) -> (u64, &'static str) {
    use Command::*;
    let same_bank = a.place.bank == b.place.bank;
    let same_group = a.place.bank % 4 == b.place.bank % 4;
    let pick = |s, l| if same_group { l } else { s };
    match (a.command, b.command) {
        (Activate, Activate) if same_bank => (t.rc, "tRC"),
        (Activate, Activate) => (pick(t.rrd_s, t.rrd_l), "tRRD"),
        (Activate, Read) if same_bank => (t.rcd_rd, "tRCDRD"),
        (Activate, Write) if same_bank => (t.rcd_wr, "tRCDWR"),
        (Activate, Precharge) if same_bank => (t.ras, "tRAS"),
        (Activate, PrechargeAll) => (t.ras, "tRAS"),
        (Activate, Refresh) => (t.rc, "tRC"),
        (Precharge, Activate) if same_bank => (t.rp, "tRP"),
        (PrechargeAll, Activate) => (t.rp, "tRP"),
        (Precharge | PrechargeAll, Refresh) => (t.rp, "tRP"),
        (Read, Read) | (Write, Write) => (pick(t.ccd_s, t.ccd_l), "tCCD"),
        (Read, Write) => (t.cl + t.burst + t.turn - t.cwl, "read to write"),
        (Write, Read) => (t.cwl + t.burst + pick(t.wtr_s, t.wtr_l), "tWTR"),
        (Read, Precharge) if same_bank => (t.rtp, "tRTP"),
        (Read, PrechargeAll) => (t.rtp, "tRTP"),
        (Write, Precharge) if same_bank => (t.cwl + t.burst + t.wr, "tWR"),
        (Write, PrechargeAll) => (t.cwl + t.burst + t.wr, "tWR"),
        (Refresh, Activate | Refresh) => (t.rfc, "tRFC"),
        _ => (0, ""),
    }
}

/// The first broken rule, in words. `refresh_slack` is how late a refresh may be.
pub fn check(
    t: &DramTiming,
    commands: &[Issued],
    refresh_slack: Option<u64>,
) -> Result<(), String> {
    let reach = t.rfc.max(200);
    let mut open: [Option<u32>; BANKS] = [None; BANKS];
    let mut refreshed = None;
    for (i, b) in commands.iter().enumerate() {
        let bank = usize::from(b.place.bank);
        let fail = |rule: &str| Err(format!("{rule} broken by command {i}: {b:?}"));
        if b.cycle % t.slot != 0 {
            return fail("slot");
        }
        for a in commands[..i].iter().rev().take_while(|a| a.cycle + reach >= b.cycle) {
            if a.cycle > b.cycle {
                return fail("order");
            }
            let (least, name) = rule(t, a, b);
            if b.cycle - a.cycle < least {
                return fail(&format!("{name} ({least}, {} after {a:?})", b.cycle - a.cycle));
            }
            let column = |c: &Issued| matches!(c.command, Command::Read | Command::Write);
            if a.cycle == b.cycle && column(a) == column(b) {
                return fail("one command of a kind per slot");
            }
        }
        let activates = commands[..i].iter().rev().filter(|a| a.command == Command::Activate);
        match b.command {
            Command::Activate => {
                if activates.clone().nth(3).is_some_and(|a| b.cycle - a.cycle < t.faw) {
                    return fail("tFAW");
                }
                if open[bank].replace(b.place.row).is_some() {
                    return fail("activate of an open bank");
                }
            }
            Command::Precharge => {
                if open[bank].take().is_none() {
                    return fail("precharge of a closed bank");
                }
            }
            Command::PrechargeAll => open = [None; BANKS],
            Command::Read | Command::Write => {
                if open[bank] != Some(b.place.row) {
                    return fail("column command to a row that is not open");
                }
            }
            Command::Refresh => {
                if open.iter().any(Option::is_some) {
                    return fail("refresh with an open bank");
                }
                let late = refreshed.map(|r: u64| b.cycle - r - t.refi.min(b.cycle - r));
                if late.zip(refresh_slack).is_some_and(|(l, s)| l > s) {
                    return fail("tREFI");
                }
                refreshed = Some(b.cycle);
            }
        }
    }
    let end = commands.last().map_or(0, |c| c.cycle);
    if refresh_slack.is_some() && end > 2 * t.refi + reach && refreshed.is_none() {
        return Err("no refresh came".into());
    }
    Ok(())
}

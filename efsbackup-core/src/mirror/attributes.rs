//! Setting an entry's metadata, in the one order that keeps it.

use super::failure::{Outcome, Side};
use super::meta::{Meta, Sync, Target};
use super::state::Run;
use super::xattr::Xattrs;
use std::ops::RangeInclusive;

/// The seconds since 1970 that every file system can hold.
const EVERYWHERE: RangeInclusive<i64> = 0..=i32::MAX as i64;

/// Makes the target's metadata equal `want`; `have` is what it has. `xattrs` are the
/// attributes wanted and had, where they play a part.
///
/// Owner first: a change of owner takes setuid and capabilities away. Then the mode, whose
/// group bits are an ACL's mask. Then the attributes, ACLs among them. Times last. Gives the
/// time that the target has then: a file system keeps what it can of one far away.
pub(super) fn set(
    run: &Run<'_>,
    target: &Target<'_>,
    want: &Meta,
    have: &Meta,
    xattrs: Option<(&Xattrs, &Xattrs)>,
    set_mtime: bool,
) -> Outcome<(i64, u32)> {
    let differs = run.ownership.difference(want, have);
    target.set_owner(want, &differs).destination("chown")?;
    let lost_setuid = (differs.uid || differs.gid) && want.mode & 0o6000 != 0;
    if !want.is_symlink() && (differs.mode || lost_setuid) {
        target.set_mode(want.mode).destination("chmod")?;
    }
    if let Some((wanted, had)) = xattrs {
        run.policy.apply(target, wanted, had).destination("setxattr")?;
    }
    if set_mtime {
        target.set_mtime(want.mtime).destination("utimens")?;
        if !EVERYWHERE.contains(&want.mtime.0) {
            return Ok(Meta::of(target.fd(), Sync::Normal).destination("stat")?.mtime);
        }
    }
    Ok(want.mtime)
}

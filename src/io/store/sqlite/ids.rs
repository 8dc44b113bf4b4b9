//! How names of things are written in columns.
//!
//! An attempt is two integers, `life` (shard and epoch) and `call` (generation and slot), in this order, because slots are
//! used again after half a minute: beside the same generation, new attempts stand near each other, and an index over
//! them grows at few places instead of everywhere. The virtual column `id` shows the usual text.

use super::cells::{Columns, Damaged};
use crate::base::id::{AttemptId, SessionId};
use crate::verify::record::Part;

/// The shard and its life.
pub(super) fn life(id: AttemptId) -> u64 {
    u64::from(id.shard) << 32 | u64::from(id.epoch)
}

/// The call in that life.
pub(super) fn call(id: AttemptId) -> u64 {
    u64::from(id.generation) << 32 | u64::from(id.slot)
}

/// The attempt of these two columns.
pub(super) fn attempt(columns: &mut Columns<'_, '_>) -> Result<AttemptId, Damaged> {
    let (life, call): (u64, u64) = (columns.int()?, columns.int()?);
    Ok(AttemptId {
        shard: u16::try_from(life >> 32).map_err(|_| Damaged)?,
        epoch: (life & 0xffff_ffff) as u32,
        slot: (call & 0xffff_ffff) as u32,
        generation: (call >> 32) as u32,
    })
}

/// The bytes that a sealed number belongs to.
pub(super) fn attempt_bytes(id: AttemptId) -> [u8; 16] {
    (u128::from(life(id)) << 64 | u128::from(call(id))).to_be_bytes()
}

/// The verification of a call: its id and which call it is, or nothing for a bare call.
pub(super) fn part(columns: &mut Columns<'_, '_>) -> Result<Option<Part>, Damaged> {
    let session = columns.text_or_null()?.filter(|text| !text.is_empty());
    let number: Option<u8> = columns.int_or_null()?;
    session
        .map(|text| {
            let session = text.parse::<SessionId>().map_err(|_| Damaged)?;
            Ok(Part { session, number: number.ok_or(Damaged)? })
        })
        .transpose()
}

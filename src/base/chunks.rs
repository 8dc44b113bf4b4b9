//! A store of many equal things by number, that never moves what it holds.
//!
//! It grows by chunks, so that growing costs one chunk and not a copy of everything, and what was freed is
//! used again first.

/// Things in one chunk.
const CHUNK: usize = 512;

/// The store.
#[derive(Debug)]
pub struct Chunks<T> {
    chunks: Vec<Vec<Option<T>>>,
    free: Vec<u32>,
    held: usize,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), free: Vec::new(), held: 0 }
    }
}

impl<T> Chunks<T> {
    /// Keeps a thing, and says its number; gives it back if there is no number left.
    ///
    /// # Errors
    /// The thing itself, when 2^32 − 1 are held.
    pub fn insert(&mut self, thing: T) -> Result<u32, T> {
        if let Some(place) = self.free.pop() {
            if let Some(cell) = self.cell(place) {
                *cell = Some(thing);
                self.held += 1;
            }
            return Ok(place);
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let full = (self.chunks.len() - 1) * CHUNK;
        let Some(chunk) = self.chunks.last_mut() else { return Err(thing) };
        let Ok(place) = u32::try_from(full + chunk.len()) else { return Err(thing) };
        chunk.push(Some(thing));
        self.held += 1;
        Ok(place)
    }

    /// The thing of this number.
    pub fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        self.cell(place)?.as_mut()
    }

    /// The thing of this number.
    #[must_use]
    pub fn get(&self, place: u32) -> Option<&T> {
        let place = place as usize;
        self.chunks.get(place / CHUNK)?.get(place % CHUNK)?.as_ref()
    }

    /// Takes the thing of this number out.
    pub fn remove(&mut self, place: u32) -> Option<T> {
        let thing = self.cell(place)?.take()?;
        self.free.push(place);
        self.held -= 1;
        Some(thing)
    }

    /// How many are held.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.held
    }

    /// Whether none is held.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// All of them, in order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let cells = self.chunks.iter().flatten();
        (0..).zip(cells).filter_map(|(place, cell)| Some((place, cell.as_ref()?)))
    }

    fn cell(&mut self, place: u32) -> Option<&mut Option<T>> {
        let place = place as usize;
        self.chunks.get_mut(place / CHUNK)?.get_mut(place % CHUNK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again_and_nothing_moves() {
        let mut chunks = Chunks::default();
        let places: Vec<u32> = (0..1200).map(|n| chunks.insert(n).unwrap()).collect();
        assert_eq!(chunks.len(), 1200);
        assert_eq!(chunks.remove(places[3]), Some(3));
        assert_eq!(chunks.remove(places[3]), None);
        assert_eq!(chunks.insert(9000), Ok(places[3]));
        assert_eq!(chunks.get(places[1199]), Some(&1199));
        assert_eq!(chunks.iter().count(), 1200);
        assert_eq!(chunks.get_mut(1200), None);
    }
}

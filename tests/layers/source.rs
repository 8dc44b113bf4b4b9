//! Rust source as far as this test needs it: no comments, no literals, no tests, and the paths that are left.

use std::fmt;

/// A path that the source names, with its groups expanded and `self` and `super` resolved to `crate`.
pub(crate) struct Use {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path.join("::"))
    }
}

pub(crate) struct Source {
    /// The source with comments, literals and test modules blanked; lines keep their numbers.
    text: Vec<char>,
}

impl Source {
    pub(crate) fn read(text: &str) -> Self {
        let mut text = blank_literals(&text.chars().collect::<Vec<_>>());
        blank_tests(&mut text);
        Self { text }
    }

    /// The lines that are left, with their numbers.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, String)> {
        self.text
            .split(|&c| c == '\n')
            .enumerate()
            .map(|(at, line)| (at + 1, line.iter().collect()))
    }

    /// Every path of at least two segments, seen from this module.
    pub(crate) fn uses(&self, module: &[String]) -> Vec<Use> {
        let mut found = Vec::new();
        let (mut at, mut line, mut counted) = (0, 1, 0);
        while at < self.text.len() {
            let start_of_word = is_word(self.text[at])
                && (at == 0 || !is_word(self.text[at - 1]))
                && !self.before(at).ends_with("::");
            if !start_of_word {
                at += 1;
                continue;
            }
            let mut paths = Vec::new();
            let end = self.tree(at, &[], &mut paths);
            line += self.text[counted..at].iter().filter(|&&c| c == '\n').count();
            counted = at;
            for path in paths.into_iter().filter(|path| path.len() > 1) {
                found.push(Use { path: resolve(path, module), line });
            }
            at = end.max(at + 1);
        }
        found
    }

    fn before(&self, at: usize) -> String {
        let text: String = self.text[..at].iter().rev().take(40).collect();
        text.trim_start().chars().rev().collect()
    }

    fn skip_space(&self, mut at: usize) -> usize {
        while self.text.get(at).is_some_and(|c| c.is_whitespace()) {
            at += 1;
        }
        at
    }

    /// Reads `a::b::{c, d::*}` from `at`; gives where it ends.
    fn tree(&self, mut at: usize, prefix: &[String], paths: &mut Vec<Vec<String>>) -> usize {
        let mut path = prefix.to_vec();
        loop {
            at = self.skip_space(at);
            match self.text.get(at) {
                Some('{') => return self.group(at + 1, &path, paths),
                Some('*') => {
                    path.push("*".to_owned());
                    paths.push(path);
                    return at + 1;
                }
                Some(&c) if is_word(c) => {
                    let len = self.text[at..].iter().take_while(|&&c| is_word(c)).count();
                    path.push(self.text[at..at + len].iter().collect());
                    at += len;
                }
                _ => {
                    paths.push(path);
                    return at;
                }
            }
            let next = self.skip_space(at);
            if self.text.get(next..next + 2) != Some(&[':', ':']) {
                if path.len() > prefix.len() + 1 && path.last().is_some_and(|last| last == "self") {
                    path.pop();
                }
                paths.push(path);
                return at;
            }
            at = next + 2;
        }
    }

    fn group(&self, mut at: usize, prefix: &[String], paths: &mut Vec<Vec<String>>) -> usize {
        while let Some(&c) = self.text.get(at) {
            if c == '}' {
                return at + 1;
            }
            at = if is_word(c) || c == '*' { self.item(at, prefix, paths) } else { at + 1 };
        }
        at
    }

    /// One item of a group, with its `as name`.
    fn item(&self, at: usize, prefix: &[String], paths: &mut Vec<Vec<String>>) -> usize {
        let end = self.tree(at, prefix, paths);
        let rest = self.text[end..].iter().position(|&c| c == ',' || c == '}');
        rest.map_or(self.text.len(), |rest| end + rest)
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// `super::super::x` and `self::x`, seen from `module`, as `crate::…`.
fn resolve(path: Vec<String>, module: &[String]) -> Vec<String> {
    let mut base = module.to_vec();
    let mut rest = path.as_slice();
    match rest.first().map(String::as_str) {
        Some("self") => rest = &rest[1..],
        Some("super") => {
            while let Some((first, after)) = rest.split_first()
                && first == "super"
            {
                base.pop();
                rest = after;
            }
        }
        _ => return path,
    }
    let mut resolved = vec!["crate".to_owned()];
    resolved.extend(base);
    resolved.extend_from_slice(rest);
    // A name right under the root, like `super::*` in the tests of a file there.
    if resolved.len() == 1 { path } else { resolved }
}

/// Blanks comments, strings and characters, but keeps line ends.
fn blank_literals(text: &[char]) -> Vec<char> {
    let mut out = text.to_vec();
    let mut at = 0;
    while at < text.len() {
        let len = comment(&text[at..])
            .or_else(|| raw_string(&text[at..]).filter(|_| at == 0 || !is_word(text[at - 1])))
            .or_else(|| quoted(&text[at..]));
        if let Some(len) = len {
            let end = (at + len).min(text.len());
            out[at..end].iter_mut().filter(|c| **c != '\n').for_each(|c| *c = ' ');
            at = end;
        } else {
            at += 1;
        }
    }
    out
}

fn comment(text: &[char]) -> Option<usize> {
    match text {
        ['/', '/', ..] => Some(text.iter().take_while(|&&c| c != '\n').count()),
        ['/', '*', ..] => {
            let (mut at, mut open) = (2, 1);
            while open > 0 && at < text.len() {
                match text.get(at..at + 2) {
                    Some(['/', '*']) => (open, at) = (open + 1, at + 2),
                    Some(['*', '/']) => (open, at) = (open - 1, at + 2),
                    _ => at += 1,
                }
            }
            Some(at)
        }
        _ => None,
    }
}

fn raw_string(text: &[char]) -> Option<usize> {
    let prefix = match text {
        ['b', 'r', ..] => 2,
        ['r', ..] => 1,
        _ => return None,
    };
    let hashes = text[prefix..].iter().take_while(|&&c| c == '#').count();
    let start = prefix + hashes + 1;
    if text.get(start - 1) != Some(&'"') {
        return None;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let len = text[start..].windows(end.len()).position(|window| window == end)?;
    Some(start + len + end.len())
}

fn quoted(text: &[char]) -> Option<usize> {
    let closed_by = |quote: char| {
        let mut at = 1;
        while let Some(&c) = text.get(at) {
            match c {
                '\\' => at += 2,
                c if c == quote => return at + 1,
                _ => at += 1,
            }
        }
        at
    };
    match text {
        ['"', ..] => Some(closed_by('"')),
        // A lifetime has no closing quote after its first letter.
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => Some(closed_by('\'')),
        _ => None,
    }
}

/// Blanks what stands under `#[cfg(test)]`: tests may use the world.
fn blank_tests(text: &mut [char]) {
    let attribute: Vec<char> = "#[cfg(test)]".chars().collect();
    let mut at = 0;
    while let Some(found) =
        text.get(at..).and_then(|rest| rest.windows(attribute.len()).position(|w| w == attribute))
    {
        let start = at + found;
        let mut end = start;
        let mut open = 0_usize;
        while let Some(&c) = text.get(end) {
            end += 1;
            match c {
                '{' => open += 1,
                '}' => open -= 1,
                _ => {}
            }
            if open == 0 && (c == '}' || c == ';') {
                break;
            }
        }
        text[start..end].iter_mut().filter(|c| **c != '\n').for_each(|c| *c = ' ');
        at = end;
    }
}

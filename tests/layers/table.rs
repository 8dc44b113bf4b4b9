//! The table of ranks in `ARCHITECTURE.md`.

/// One row: a module and what it may name.
pub(crate) struct Row {
    pub(crate) rank: u32,
    pub(crate) module: String,
    pub(crate) may_name: Vec<String>,
    pub(crate) pure: bool,
}

impl Row {
    pub(crate) fn may_name(&self, other: &Self) -> bool {
        self.module == other.module || self.may_name.contains(&other.module)
    }
}

pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
}

impl Table {
    /// Reads the table that has a column `Rank` first and `Pure` last.
    pub(crate) fn parse(text: &str) -> Self {
        let cells = |line: &str| -> Vec<String> {
            line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
        };
        let table = text.lines().skip_while(|line| {
            let cells = cells(line);
            cells.first().is_none_or(|cell| cell != "Rank") || cells.last().unwrap() != "Pure"
        });
        let rows = table.skip(2).take_while(|line| line.starts_with('|')).map(|line| {
            let cells = cells(line);
            let [rank, module, _, may_name, pure] = cells.as_slice() else {
                panic!("not five cells: {line}");
            };
            Row {
                rank: rank.parse().unwrap_or_else(|_| panic!("{rank} is no rank: {line}")),
                module: quoted(module).into_iter().next().unwrap(),
                may_name: quoted(may_name),
                pure: pure == "yes",
            }
        });
        Self { rows: rows.collect() }
    }

    /// The row of the innermost module that holds this path.
    pub(crate) fn row_of(&self, path: &[String]) -> Option<&Row> {
        let holds = |row: &&Row| {
            row.module.split("::").eq(path.iter().take(depth(row)).map(String::as_str))
        };
        self.rows.iter().filter(holds).max_by_key(|row| depth(row))
    }

    /// Whether the module only holds together folders that have rows of their own.
    pub(crate) fn is_face(&self, module: &[String]) -> bool {
        let inside = format!("{}::", module.join("::"));
        self.rows.iter().any(|row| row.module.starts_with(&inside))
    }
}

fn depth(row: &Row) -> usize {
    row.module.split("::").count()
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

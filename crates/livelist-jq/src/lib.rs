//! Programs in the language of jq (jqlang.org) that change records, by jaq. They see the record and nothing
//! else: no file, no network, no environment, no clock.

use jaq_core::data::JustLut;
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars, compile, unwrap_valr};
use jaq_json::{Val, read};

/// Functions of jq that see more than the record, or say something elsewhere.
const NOT_FUNS: [&str; 5] = ["env", "now", "halt", "debug_empty", "stderr_empty"];
/// What is defined by them.
const NOT_DEFS: [&str; 4] = ["debug", "stderr", "halt", "halt_error"];

/// Why a text is no program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct ProgramError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong there.
    pub problem: String,
}

/// A program.
pub struct Program {
    filter: Filter<JustLut<Val>>,
}

impl Program {
    /// Compiles a program.
    ///
    /// # Errors
    /// It is none; the first thing that is wrong with it.
    ///
    /// ```
    /// use livelist_jq::Program;
    ///
    /// let program = Program::compile("select(.City == \"Austin\") | {ListPrice, Town: .City}")?;
    /// let austin = program.run(r#"{"City":"Austin","ListPrice":1250000.50,"Beds":3}"#).unwrap();
    /// assert_eq!(austin.as_deref(), Some(r#"{"ListPrice":1250000.50,"Town":"Austin"}"#));
    /// assert_eq!(program.run(r#"{"City":"Boston"}"#).unwrap(), None);
    /// let error = Program::compile(".City |\n  upper").err().unwrap();
    /// assert_eq!(error.to_string(), "line 2, column 3: there is no filter `upper`");
    /// # Ok::<(), livelist_jq::ProgramError>(())
    /// ```
    pub fn compile(text: &str) -> Result<Program, ProgramError> {
        let defs = jaq_core::defs()
            .chain(jaq_std::defs())
            .chain(jaq_json::defs());
        let defs = defs.filter(|def| !NOT_DEFS.contains(&def.name));
        let funs = jaq_core::funs()
            .chain(jaq_std::funs())
            .chain(jaq_json::funs());
        let funs = funs.filter(|(name, ..)| !NOT_FUNS.contains(name));
        let arena = Arena::default();
        let file = File {
            code: text,
            path: (),
        };
        let modules = Loader::new(defs).load(&arena, file);
        let modules = modules.map_err(|errors| of_reading(text, errors))?;
        let no_data = |_: load::Import<'_, &str, ()>| Err("no data".to_owned());
        load::import(&modules, no_data).map_err(|errors| of_reading(text, errors))?;
        let filter = Compiler::default().with_funs(funs).compile(modules);
        match filter {
            Ok(filter) => Ok(Program { filter }),
            Err(errors) => Err(of_compiling(text, errors)),
        }
    }

    /// What the program makes of a record: one object; nothing where the record is not wanted.
    ///
    /// # Errors
    /// It fails, or gives something else than one object; the reason.
    pub fn run(&self, record: &str) -> Result<Option<String>, String> {
        let input = read::parse_single(record.as_bytes()).map_err(|error| error.to_string())?;
        let context = Ctx::<JustLut<Val>>::new(&self.filter.lut, Vars::new([]));
        let mut results = self.filter.id.run((context, input)).map(unwrap_valr);
        let Some(first) = results.next() else {
            return Ok(None);
        };
        let first = first.map_err(|error| error.to_string())?;
        match results.next() {
            Some(Err(error)) => return Err(error.to_string()),
            Some(Ok(_)) => return Err("it gives more than one result".to_owned()),
            None => {}
        }
        match &first {
            Val::Obj(_) => Ok(Some(first.to_string())),
            other => Err(format!("it gives no object, but {}", kind(other))),
        }
    }
}

fn kind(value: &Val) -> &'static str {
    match value {
        Val::Null => "null",
        Val::Bool(_) => "a boolean",
        Val::Num(_) => "a number",
        Val::BStr(_) | Val::TStr(_) => "a text",
        Val::Arr(_) => "a list",
        Val::Obj(_) => "an object",
    }
}

fn of_reading(text: &str, errors: load::Errors<&str, ()>) -> ProgramError {
    let first = errors.into_iter().next().map(|(_, error)| error);
    match first {
        Some(load::Error::Lex(errors)) => match errors.into_iter().next() {
            Some((expected, found)) => at(
                text,
                found,
                format!("there has to be {}", expected.as_str()),
            ),
            None => at(text, text, String::new()),
        },
        Some(load::Error::Parse(errors)) => match errors.into_iter().next() {
            Some((expected, found)) => at(
                text,
                found,
                format!("there has to be {}", expected.as_str()),
            ),
            None => at(text, text, String::new()),
        },
        Some(load::Error::Io(errors)) => match errors.into_iter().next() {
            Some((path, _)) => at(text, path, "a program cannot read modules".to_owned()),
            None => at(text, text, String::new()),
        },
        None => at(text, text, String::new()),
    }
}

fn of_compiling(text: &str, errors: compile::Errors<&str, ()>) -> ProgramError {
    let mut all = errors.into_iter().flat_map(|(_, errors)| errors);
    match all.next() {
        Some((name, what)) => at(
            text,
            name,
            format!("there is no {} `{name}`", what.as_str()),
        ),
        None => at(text, text, String::new()),
    }
}

/// The place of a part of the text.
fn at(text: &str, part: &str, problem: String) -> ProgramError {
    let is_within = text.as_bytes().as_ptr_range().contains(&part.as_ptr())
        || part.as_ptr() == text.as_bytes().as_ptr_range().end;
    let start = match is_within {
        true => load::span(text, part).start,
        false => 0,
    };
    let before = &text[..start];
    ProgramError {
        line: before.matches('\n').count() + 1,
        column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(program: &str, record: &str) -> Result<Option<String>, String> {
        Program::compile(program).unwrap().run(record)
    }

    #[test]
    fn a_record_is_renamed_derived_dropped_and_merged() {
        let record =
            r#"{"A":"x","B":["1","2"],"Price":1250000.50,"Big":12345678901234567890,"N":null}"#;
        for (program, expected) in [
            (".", Some(record)),
            (
                "{C: .A, D: (.B | join(\"+\"))}",
                Some(r#"{"C":"x","D":"1+2"}"#),
            ),
            ("del(.A, .B, .N, .Big)", Some(r#"{"Price":1250000.50}"#)),
            ("empty", None),
            ("select(.A == \"y\")", None),
            ("{Half: (.Price / 2)}", Some(r#"{"Half":625000.25}"#)),
            (
                "{L: (.A | ascii_upcase), T: (\"2026-02-05T00:00:00Z\" | fromdate)}",
                Some(r#"{"L":"X","T":1770249600}"#),
            ),
        ] {
            assert_eq!(
                run(program, record).unwrap().as_deref(),
                expected,
                "{program}"
            );
        }
    }

    #[test]
    fn what_gives_no_single_object_is_an_error() {
        for (program, expected) in [
            (".A, .B", "it gives more than one result"),
            (".A", "it gives no object, but a text"),
            ("[.]", "it gives no object, but a list"),
            ("error(\"no city\")", "no city"),
            ("., error(\"late\")", "late"),
        ] {
            let error = run(program, r#"{"A":"x","B":1}"#).unwrap_err();
            assert!(error.contains(expected), "{program}: {error}");
        }
        assert!(run(".A.B", r#"{"A":"x"}"#).is_err());
        assert!(run(".", "no JSON").is_err());
    }

    #[test]
    fn what_is_no_program_is_told_with_its_place() {
        for (program, place) in [
            ("", "line 1, column 1"),
            ("{A: ", "line 1, column 5: there has to be closing brace"),
            (
                "{A: .A}\n| upper(.)",
                "line 2, column 3: there is no filter `upper`",
            ),
            (
                ".A as $x | $y",
                "line 1, column 12: there is no variable `$y`",
            ),
            (". & .", "line 1, column 3"),
        ] {
            let error = Program::compile(program).err().unwrap().to_string();
            assert!(error.starts_with(place), "{program:?}: {error}");
        }
    }

    #[test]
    fn a_program_sees_the_record_alone() {
        for program in [
            "env",
            "$ENV",
            "now",
            "input",
            "inputs",
            "input_filename",
            "debug",
            "stderr",
            "halt",
            "halt_error",
            "include \"x\"; .",
            "import \"x\" as x; .",
            "import \"x\" as $x; .",
            "$__prog_args",
        ] {
            assert!(Program::compile(program).is_err(), "{program}");
        }
    }
}

//! Rows of the page of all stacks, each drawn once: a change draws one row anew, however many pages show it. It must never
//! hand out a row that was drawn from anything else: what a row is drawn from is compared as a whole. Called by the pages.

use crate::web::view::templates::PageError;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Rows as they were last drawn, by what they were drawn from.
#[derive(Debug, Default)]
pub(crate) struct Rows(Mutex<Arc<HashMap<String, Arc<str>>>>);

impl Rows {
    /// These rows, in their order; those that are new are drawn. Who shows all rows shows all that are kept: what is not among
    /// them is forgotten.
    ///
    /// # Errors
    /// What drawing said.
    pub fn drawn<Row: Serialize>(
        &self,
        rows: Vec<Row>,
        draw: impl Fn(&Row) -> Result<String, PageError>,
    ) -> Result<Vec<Arc<str>>, PageError> {
        let before = Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let (mut now, mut drawn) = (HashMap::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for row in rows {
            let from = serde_json::to_string(&row).map_err(|error| PageError::Data(error.to_string()))?;
            let html = match before.get(&from) {
                Some(html) => Arc::clone(html),
                None => draw(&row)?.into(),
            };
            drawn.push(Arc::clone(&html));
            now.insert(from, html);
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(now);
        Ok(drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn a_change_draws_its_row_once_for_all_who_show_it_and_no_other_row() {
        let (rows, drawn) = (Rows::default(), RefCell::new(Vec::new()));
        let show = |names: &[&str]| {
            let draw = |row: &String| {
                drawn.borrow_mut().push(row.clone());
                Ok(format!("<p>{row}"))
            };
            let html = rows.drawn(names.iter().map(|name| (*name).to_owned()).collect(), draw).unwrap();
            (html.concat(), drawn.take())
        };
        assert_eq!(show(&["api", "web"]), ("<p>api<p>web".to_owned(), vec!["api".to_owned(), "web".to_owned()]));
        assert_eq!(show(&["api", "web 2"]), ("<p>api<p>web 2".to_owned(), vec!["web 2".to_owned()]));
        for _ in 0..3 {
            assert_eq!(show(&["api", "web 2"]).1, Vec::<String>::new(), "other viewers get the same rendering");
        }
        assert_eq!(rows.0.lock().unwrap().len(), 2, "what is shown no more is forgotten");
    }
}

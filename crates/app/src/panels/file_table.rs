//! The table of the run's files with their state.

use leptos::prelude::*;
use protocol::{FileRow, FileState, Job, Question};

use crate::analyst;
use crate::clipboard;
use crate::format::{bytes, count};
use crate::panels::engine::Engine;
use crate::state::{App, Dialog};

/// One row per file; empty without files.
#[component]
pub fn FileTable() -> impl IntoView {
    let app = App::get();
    let ids = Memo::new(move |_| app.files.with(|rows| in_order(rows)));
    view! {
        <Show when=move || !app.files.with(Vec::is_empty)>
            <Engine/>
            <div class="scroll" tabindex="0" role="region" aria-label="Files of the run">
                <table class="files" data-testid="file-table">
                    <caption class="unseen">"Files of the run"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"File"</th>
                            <th scope="col">"Type"</th>
                            <th scope="col" class="number">"Step"</th>
                            <th scope="col" class="number">"Samples"</th>
                            <th scope="col" class="number">"Read"</th>
                            <th scope="col">"State"</th>
                            <td></td>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=move || ids.get() key=|id| *id let:id>
                            <Row id/>
                        </For>
                    </tbody>
                </table>
            </div>
        </Show>
    }
}

/// Ids of the files by step, then by name with its numbers as numbers; files without a step are last.
fn in_order(rows: &[FileRow]) -> Vec<usize> {
    let mut rows: Vec<&FileRow> = rows.iter().collect();
    rows.sort_by_cached_key(|row| (row.step.is_none(), row.step, padded(&row.path)));
    rows.into_iter().map(|row| row.id).collect()
}

/// A name with its numbers filled with zeros, so that `batch-10` comes after `batch-9`.
fn padded(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 40);
    let mut digits = String::new();
    for letter in name.chars().chain(['\0']) {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        if !digits.is_empty() {
            out.push_str(&format!("{digits:0>20}"));
            digits.clear();
        }
        out.push(letter);
    }
    out
}

#[component]
fn Row(id: usize) -> impl IntoView {
    let app = App::get();
    let row = Memo::new(move |_| app.files.with(|rows| rows.iter().find(|row| row.id == id).cloned()));
    let read = move |what: fn(&FileRow) -> String| row.with(|row| row.as_ref().map(what).unwrap_or_default());
    let is_trace = Memo::new(move |_| {
        row.with(|row| {
            row.as_ref().is_some_and(|row| row.checkpoint || row.samples.is_some() || row.step.is_some())
        })
    });
    let path = row.with_untracked(|row| row.as_ref().map(|row| row.path.clone()).unwrap_or_default());
    let step_label = format!("Training step of {path}");
    let save_label = format!("Save trace of {path}");
    let question = Memo::new(move |_| row.with(|row| row.as_ref().and_then(|row| row.question)));
    let answer_path = path.clone();
    let answer_word = move || match question.get() {
        Some(Question::Shape) => "Set shape",
        Some(Question::Experts) => "Set number of experts",
        Some(Question::Mapping) | None => "Describe tensors",
    };
    let answer_label = move || format!("{} of {answer_path}", answer_word());
    let remove_label = format!("Remove {path}");
    view! {
        <tr class=move || row.with(|row| row.as_ref().map_or("", |row| class(row.state)))>
            <th scope="row" class="path">{path}</th>
            <td>{move || read(|row| row.kind.clone())}</td>
            <td class="number">
                <Show when=move || is_trace.get()>
                    <input
                        class="step" type="text" inputmode="numeric" aria-label=step_label.clone()
                        prop:value=move || read(|row| row.step.map(|step| step.to_string()).unwrap_or_default())
                        on:change=move |event| set_step(app, id, &event_target_value(&event))
                    />
                </Show>
            </td>
            <td class="number">{move || read(|row| row.samples.map(|samples| count(samples as u64)).unwrap_or_default())}</td>
            <td class="number">{move || read(|row| if row.bytes_read >= row.bytes || row.made {
                bytes(if row.made { row.bytes_read } else { row.bytes })
            } else {
                format!("{} of {}", bytes(row.bytes_read), bytes(row.bytes))
            })}</td>
            <td>
                <span class="state">{move || read(|row| state_name(row).to_owned())}</span>
                {move || row.with(|row| row.as_ref().map(|row| row.messages.clone()).unwrap_or_default())
                    .into_iter()
                    .map(|message| view! { <Message text=message/> })
                    .collect_view()}
            </td>
            <td>
                <Show when=move || question.get().is_some()>
                    <button
                        type="button" class="plain" aria-label=answer_label.clone()
                        on:click=move |_| open_question(app, id, question.get_untracked())
                    >{answer_word}</button>
                </Show>
                <Show when=move || row.with(|row| row.as_ref().is_some_and(|row| row.made))>
                    <button
                        type="button" class="plain" aria-label=save_label.clone()
                        on:click=move |_| analyst::post(app, &Job::Save { id: Some(id) })
                    >"Save trace"</button>
                </Show>
                <button
                    type="button" class="plain" aria-label=remove_label
                    on:click=move |_| analyst::work(app, &Job::RemoveFile { id }, &[])
                >"Remove"</button>
            </td>
        </tr>
    }
}

/// A message about a file. Lines after the first one are code, with a button that copies them.
#[component]
fn Message(text: String) -> impl IntoView {
    let app = App::get();
    let (text, code) = match text.split_once('\n') {
        Some((text, code)) => (text.to_owned(), Some(code.to_owned())),
        None => (text, None),
    };
    let code = code.map(|code| {
        let copied = code.clone();
        view! {
            <div class="code-lines">
                <pre tabindex="0"><code>{code}</code></pre>
                <button type="button" on:click=move |_| clipboard::copy(app, copied.clone())>"Copy"</button>
            </div>
        }
    });
    view! {
        <p class="message">{text}</p>
        {code}
    }
}

/// Opens the dialog for what a file does not state.
fn open_question(app: App, id: usize, question: Option<Question>) {
    match question {
        Some(Question::Mapping) => analyst::post(app, &Job::Propose { id }),
        Some(Question::Shape) => {
            app.refused.set(None);
            app.dialog.set(Some(Dialog::Shape(Some(id))));
        }
        Some(Question::Experts) => {
            app.refused.set(None);
            app.dialog.set(Some(Dialog::Shape(None)));
        }
        None => {}
    }
}

fn state_name(row: &FileRow) -> &'static str {
    match row.state {
        FileState::Waiting => "waiting",
        FileState::Reading if row.checkpoint => "running",
        FileState::Reading => "reading",
        FileState::Recognised => "recognised",
        FileState::Used => "used",
        FileState::Skipped if row.question == Some(Question::Mapping) => "needs a description",
        FileState::Skipped if row.samples.is_some() && row.step.is_none() => "needs its step",
        FileState::Skipped => "skipped",
        FileState::Failed => "cannot be read",
    }
}

fn class(state: FileState) -> &'static str {
    match state {
        FileState::Waiting => "waiting",
        FileState::Reading => "reading",
        FileState::Recognised => "recognised",
        FileState::Used => "used",
        FileState::Skipped => "skipped",
        FileState::Failed => "failed",
    }
}

fn set_step(app: App, id: usize, text: &str) {
    let digits: String = text.chars().filter(|letter| !matches!(letter, ',' | ' ' | '_')).collect();
    match digits.parse::<u64>() {
        Ok(step) => analyst::work(app, &Job::SetStep { id, step }, &[]),
        Err(_) => {
            app.fail(format!("“{text}” is not a training step. Enter a whole number, for example 5000."));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::padded;

    #[test]
    fn numbers_in_names_are_in_order() {
        assert!(padded("a/batch-9.npz") < padded("a/batch-10.npz"));
        assert!(padded("rank1_batch-9") < padded("rank1_batch-10"));
        assert!(padded("a") < padded("b"));
    }
}

import * as api from "./api.js";
import { read } from "./document.js";
import { ask } from "./exchange.js";

const $ = id => document.getElementById(id);
const number = value => value.toLocaleString("en-US");
const mostShown = 200_000; // characters: a text field that wraps more of them is slow
const joint = "\n\n"; // between document and question

let models = [];
let text = ""; // the document, of which the field may show only the beginning
let tokens = { document: 0, question: 0 };
let counting = null; // stops the count in progress
let timer = 0;
let counted = false;
let running = null; // stops the answer in progress

const model = () => models[$("model").selectedIndex] ?? models[0];
const maxTokens = () => Math.max(1, Math.floor($("max-tokens").valueAsNumber) || 1);

// The server

async function connect() {
  try {
    models = await api.models();
  } catch (error) {
    $("key-form").hidden = error.status !== 401;
    $("about").textContent = error.status === 401 ? "Locked." : error.message;
    $("about").className = error.status === 401 ? "" : "error";
    if (error.status === 401) {
      $("key").select();
      $("key").focus();
    }
    return;
  }
  $("key-form").hidden = true;
  $("model").replaceChildren(...models.map(one => new Option(one.id)));
  $("model-field").hidden = models.length < 2;
  showModel();
}

$("key-form").addEventListener("submit", event => {
  event.preventDefault();
  api.setKey($("key").value.trim());
  connect();
});

function showModel() {
  const { id, max_model_len: window, original_max_model_len: original, has_chat_template: chats } = model();
  const extended = original < window;
  $("about").className = "";
  $("about").textContent = `${id}: reads ${number(window)} tokens`
    + (extended ? `, ${number(window / original).replace(/(\.\d).*/, "$1")} times its original window of ${number(original)}` : "");
  $("question-title").textContent = chats ? "Question" : "Question, or how the text goes on";
  $("question").placeholder = chats
    ? "What do you want to know about the document?"
    : "This model has no chat template: it continues the document and what you write here. End with the answer's first words, such as: "
      + "Question: who keeps the key? Answer:";
  count(true);
}

$("model").addEventListener("change", showModel);

// The document

function setDocument(value, name) {
  text = value;
  $("document").value = value.length > mostShown ? value.slice(0, mostShown) : value;
  $("document").readOnly = value.length > mostShown;
  $("document-name").textContent = name
    + (value.length > mostShown ? ` (${number(value.length)} characters, of which the first ${number(mostShown)} are shown)` : "");
  $("remove").hidden = value === "";
  $("document-error").textContent = "";
  count(true);
}

async function open(files) {
  if (files.length === 0) {
    return;
  }
  try {
    setDocument(await read(files), [...files].map(file => file.name).join(", "));
    $("question").focus();
  } catch (error) {
    $("document-error").textContent = error.message;
  }
}

$("file").addEventListener("change", () => open($("file").files).then(() => $("file").value = ""));
$("remove").addEventListener("click", () => {
  setDocument("", "");
  $("document").focus();
});
$("document").addEventListener("input", () => {
  text = $("document").value;
  $("remove").hidden = text === "";
  count(true);
});

const dropsFiles = event => event.dataTransfer?.types.includes("Files");
addEventListener("dragover", event => {
  if (dropsFiles(event)) {
    event.preventDefault();
    $("document-panel").classList.add("over");
  }
});
addEventListener("dragleave", event => event.relatedTarget ?? $("document-panel").classList.remove("over"));
addEventListener("drop", event => {
  if (dropsFiles(event)) {
    event.preventDefault();
    $("document-panel").classList.remove("over");
    open(event.dataTransfer.files);
  }
});

// The window: document and question are counted apart, since a document may be long and questions are typed. Tokens that would join
// the end of the one with the begin of the other are the only ones not counted as they are sent.

const question = () => (text === "" ? "" : joint) + $("question").value;

function messages(content) {
  return [{ role: "user", content }];
}

function count(both) {
  counted = false;
  clearTimeout(timer);
  counting?.abort();
  counting = new AbortController();
  const withDocument = both || tokens.document === null;
  if (withDocument) {
    tokens.document = null;
  }
  $("fit").textContent = models.length > 0 ? "Counting tokens …" : "";
  $("fit").className = "hint";
  showAsk();
  timer = setTimeout(() => countNow(withDocument, counting.signal), 150);
}

async function countNow(withDocument, signal) {
  if (models.length === 0) {
    return;
  }
  const { id, has_chat_template: chats } = model();
  try {
    const [own, asked] = await Promise.all([
      !withDocument ? tokens.document : text === "" ? 0 : api.count(id, { prompt: text, add_special_tokens: false }, signal),
      api.count(id, chats ? { messages: messages(question()), add_generation_prompt: true } : { prompt: question() }, signal),
    ]);
    tokens = { document: own, question: asked };
    counted = true;
    showWindow();
  } catch (error) {
    if (error.name !== "AbortError") {
      $("fit").textContent = `The tokens were not counted. ${error.message}`;
      $("fit").className = "error";
    }
  }
}

function showWindow() {
  const { max_model_len: window, original_max_model_len: original } = model();
  const prompt = tokens.document + tokens.question, all = prompt + maxTokens();
  const scale = Math.max(window, all), width = part => `${100 * part / scale}%`;
  $("bar-document").style.width = width(tokens.document);
  $("bar-question").style.width = width(tokens.question);
  $("bar-answer").style.width = width(maxTokens());
  $("bar-original").style.left = width(original);
  $("bar-window").style.left = width(window);
  $("bar-original").hidden = $("original-note").hidden = original >= window;
  $("bar-window").hidden = all <= window;
  $("document-tokens").textContent = number(tokens.document);
  $("question-tokens").textContent = number(tokens.question);
  $("answer-tokens").textContent = number(maxTokens());
  $("original-tokens").textContent = number(original);
  $("window-tokens").textContent = number(window);
  $("legend").hidden = false;
  const parts = `document ${number(tokens.document)} + question ${number(tokens.question)} + answer ${number(maxTokens())}`;
  $("bar").setAttribute("aria-label", `${parts} = ${number(all)} of ${number(window)} tokens`);
  $("fit").className = all > window ? "too-long" : "hint";
  $("fit").textContent = all <= window ? `${number(all)} of ${number(window)} tokens: it fits.`
    : `Too long by ${number(all - window)} tokens: ${parts} = ${number(all)}, and the window has ${number(window)}. `
      + (prompt < window ? `Ask for at most ${number(window - prompt)} answer tokens, or shorten the document.`
        : `Shorten the document by at least ${number(prompt + 1 - window)} tokens.`);
  showAsk();
}

$("question").addEventListener("input", () => count(false));
$("max-tokens").addEventListener("input", () => counted && showWindow());

// Questions

function showAsk() {
  const fits = counted && tokens.document + tokens.question + maxTokens() <= model().max_model_len;
  $("ask").disabled = !fits || running !== null || (text === "" && $("question").value.trim() === "");
  $("ask").hidden = running !== null;
  $("stop").hidden = running === null;
}

async function submit() {
  if ($("ask").disabled) {
    return;
  }
  const { id, has_chat_template: chats, has_evidence: evidence, max_model_len: window } = model();
  const content = text + question(); // the document comes first, so the server finds what it has read of it for the question before
  const settings = { model: id, temperature: $("temperature").valueAsNumber || 0, max_tokens: maxTokens(), ...(evidence && { evidence }) };
  const prompt = tokens.document + tokens.question;
  running = new AbortController();
  const focused = document.activeElement === $("ask");
  showAsk();
  if (focused) {
    $("stop").focus();
  }
  await ask({
    path: chats ? "/v1/chat/completions" : "/v1/completions",
    body: { ...settings, ...(chats ? { messages: messages(content) } : { prompt: content }) },
    question: $("question").value,
    prompt,
    window,
    signal: running.signal,
    show: showPlace,
  }, $("exchange"), $("answers"));
  const stopFocused = document.activeElement === $("stop");
  running = null;
  showAsk();
  if (stopFocused) {
    $("ask").focus();
  }
}

// A place of the prompt is selected in the field that holds it, if it is still there.
function showPlace({ text: words }, index) {
  const inDocument = index < text.length, field = inDocument ? $("document") : $("question");
  const start = inDocument ? index : index - text.length - (text === "" ? 0 : joint.length);
  if (field.value.startsWith(words, start)) {
    field.focus();
    field.setSelectionRange(start, start + words.length);
    field.scrollTop = heightOf(field, start) - field.clientHeight / 2; // the browser does not scroll to a selection by itself
  }
}

// Pixels of a field's text before a character: a copy of the field holds that text alone.
function heightOf(field, end) {
  const copy = field.cloneNode();
  copy.removeAttribute("id");
  copy.rows = 1;
  Object.assign(copy.style, { position: "absolute", visibility: "hidden", height: "0", minHeight: "0", width: `${field.offsetWidth}px`,
    font: getComputedStyle(field).font });
  copy.value = field.value.slice(0, end);
  field.after(copy);
  const height = copy.scrollHeight;
  copy.remove();
  return height;
}

$("ask-form").addEventListener("submit", event => {
  event.preventDefault();
  submit();
});
$("stop").addEventListener("click", () => running?.abort());
addEventListener("keydown", event => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    submit();
  } else if (event.key === "Escape") {
    running?.abort();
  }
});

text = $("document").value; // a browser may keep it when the page is loaded again
connect();

// A question and its answer as it streams.

import { stream } from "./api.js";
import { showEvidence } from "./evidence.js";

const number = value => value.toLocaleString("en-US");
const seconds = milliseconds => `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;
const shortest = 50; // ms: tokens that arrive at once tell no rate
const rate = (tokens, milliseconds) =>
  `${(1000 * tokens / milliseconds).toLocaleString("en-US", { maximumSignificantDigits: 3 })} tokens/s`;

/**
 * Asks, and shows the answer above those before it. Returns when it has ended, also by an error.
 * @param asked path, body, question, number of tokens of the prompt and of the window, the signal that stops it, and show, which shows a
 * place of the prompt
 */
export async function ask({ path, body, question, prompt, window, signal, show: showPlace }, template, list) {
  const article = template.content.firstElementChild.cloneNode(true);
  const part = name => article.querySelector(name);
  const [answer, state, bar, facts] = [part(".text"), part(".state span"), part("progress"), part(".facts")];
  part(".asked").textContent = question;
  part(".copy").hidden = true;
  part(".copy").addEventListener("click", event => copy(answer.textContent, event.currentTarget));
  list.prepend(article);
  article.setAttribute("aria-busy", "true"); // a screen reader reads the whole answer, not each token

  const start = performance.now();
  let first = 0, last = 0, parts = 0, usage = null, finish = null, read = null, evidence = null;
  const show = () => {
    const now = performance.now();
    bar.hidden = first > 0;
    state.textContent = first > 0
      ? `${number(parts)} tokens` + (last - first > shortest ? `, ${rate(parts - 1, last - first)}` : "")
      : read ? `Read ${number(read.processed)} of ${number(read.total)} tokens, ${seconds(now - start)}`
        : `Reading ${number(prompt)} tokens, ${seconds(now - start)}`;
  };
  show();
  const timer = setInterval(show, 100);
  try {
    for await (const event of stream(path, { ...body, return_progress: true }, signal)) {
      if (event.prompt_progress) {
        read = event.prompt_progress;
        [bar.max, bar.value] = [read.total, read.processed];
        show();
      }
      usage = event.usage ?? usage;
      const choice = event.choices[0];
      finish = choice?.finish_reason ?? finish;
      evidence = choice?.evidence ?? evidence;
      const text = choice?.text ?? choice?.delta?.content;
      if (text !== undefined && !(choice.delta?.role && text === "")) {
        last = performance.now();
        first ||= last;
        parts++;
        answer.append(text);
        part(".copy").hidden = answer.textContent === "";
      }
    }
  } catch (error) {
    if (signal.aborted) {
      finish = "stopped by you";
    } else {
      part(".error").textContent = error.message;
      finish = "failed";
    }
  }
  clearInterval(timer);
  state.textContent = "";
  bar.hidden = true;
  facts.textContent = [...summary()].join(" · ");
  if (evidence) {
    const sent = body.prompt ?? body.messages[0].content;
    showEvidence(part(".evidence"), evidence, window, { text: sent, show: showPlace });
  }
  article.setAttribute("aria-busy", "false");

  function* summary() {
    const generated = usage?.completion_tokens ?? parts;
    if (first > 0) {
      yield `first token after ${seconds(first - start)}`;
    }
    if (generated > 1 && last - first > shortest) {
      yield rate(generated - 1, last - first);
    }
    yield `${number(generated)} tokens` + (finish === "length" ? ", the most it was allowed" : "");
    if (usage) {
      yield `prompt ${number(usage.prompt_tokens)} tokens, ${number(usage.prompt_tokens_details.cached_tokens)} of them read before`;
    }
    if (finish !== "length" && finish !== "stop") {
      yield finish ?? "no end";
    }
  }
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // only a page of this machine or of https has the clipboard
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  button.textContent = "Copied";
  setTimeout(() => button.textContent = "Copy", 1500);
}

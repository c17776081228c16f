// The server's API, as the page uses it.

const keyName = "skipwise-api-key"; // in the tab's storage

/** An answer of the server that is an error. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const setKey = key => sessionStorage.setItem(keyName, key);

/** @returns {Promise<object[]>} the entries of /v1/models */
export const models = async () => (await (await request("/v1/models")).json()).data;

/** The number of tokens of a text, or of a conversation with the model's chat template around it. */
export async function count(model, what, signal) {
  return (await (await request("/tokenize", { model, ...what }, signal)).json()).count;
}

/** The JSON objects of a stream of server-sent events. */
export async function* stream(path, body, signal) {
  const response = await request(path, { ...body, stream: true, stream_options: { include_usage: true } }, signal);
  let rest = "";
  for await (const part of chunks(response.body.pipeThrough(new TextDecoderStream()))) {
    const events = (rest + part).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const data = event.replace(/^data: /, "");
      if (data === "[DONE]") {
        return;
      }
      const object = JSON.parse(data);
      if (object.error) {
        throw new ApiError(response.status, object.error.message);
      }
      yield object;
    }
  }
  throw new ApiError(response.status, "The server ended the answer before its end.");
}

async function request(path, body, signal) {
  const key = sessionStorage.getItem(keyName);
  const headers = { ...(body && { "Content-Type": "application/json" }), ...(key && { Authorization: `Bearer ${key}` }) };
  let response;
  try {
    response = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal });
  } catch (error) {
    throw error.name === "AbortError" ? error : new ApiError(0, "The server does not answer. Is it still running?");
  }
  if (!response.ok) {
    const error = (await response.json().catch(() => null))?.error?.message;
    throw new ApiError(response.status, error ?? `The server answered with status ${response.status}.`);
  }
  return response;
}

// a stream is not iterable in every browser
async function* chunks(readable) {
  const reader = readable.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    yield value;
  }
}

// Files as the text of one document.

/** The text of all files, one after the other. */
export async function read(files) {
  return (await Promise.all([...files].map(text))).join("\n\n");
}

async function text(file) {
  const content = (await file.text()).replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
  if (content.includes("\0")) {
    throw new Error(`${file.name} is not a text file. Give a .txt, .md or .jsonl file.`);
  }
  return /\.(jsonl|ndjson)$/i.test(file.name) ? lines(file.name, content) : content;
}

// JSON Lines: the field "text" of each
function lines(name, content) {
  const texts = [];
  content.split("\n").forEach((line, index) => {
    if (line.trim() === "") {
      return;
    }
    let value;
    try {
      value = JSON.parse(line);
    } catch {
      throw new Error(`${name}, line ${index + 1}: this is not JSON. Each line of a .jsonl file is one JSON object.`);
    }
    if (typeof value?.text !== "string") {
      throw new Error(`${name}, line ${index + 1}: the field "text" is missing. The page reads this field of each line.`);
    }
    texts.push(value.text);
  });
  return texts.join("\n\n");
}

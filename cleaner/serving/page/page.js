const at = (id) => document.getElementById(id);
const drop = at("drop");
let latest = 0;

function say(text, bad = false) {
  at("message").textContent = text;
  at("message").classList.toggle("bad", bad);
}

async function ask(request, shown) {
  const number = ++latest;
  at("result").hidden = true;
  say("Looking at the image…");
  let answer;
  try {
    const response = await request();
    answer = await response.json();
  } catch {
    answer = { error: "The service does not answer. Try again in a moment." };
  }
  if (number !== latest) return;
  if (answer.error) {
    say(answer.error, true);
    return;
  }
  say("");
  show(answer, shown);
}

function show({ predictions, labels, heat }, shown) {
  at("plain").src = shown ?? heat ?? "";
  at("heat").src = heat ?? "";
  at("show-heat").closest("figcaption").hidden = !heat;
  at("best").textContent = predictions[0][0];
  at("classes").replaceChildren(
    ...predictions.map(([label, probability]) => {
      const row = document.createElement("li");
      const line = document.createElement("div");
      line.className = "line";
      const name = document.createElement("span");
      name.className = "name";
      name.textContent = label;
      if (labels?.includes(label)) name.prepend(check());
      const share = document.createElement("span");
      share.textContent = probability < 0.001 ? "under 0.1 %" : `${(100 * probability).toFixed(1)} %`;
      line.append(name, share);
      const bar = document.createElement("meter");
      bar.value = probability;
      bar.setAttribute("aria-hidden", "true");
      row.append(line, bar);
      return row;
    }),
  );
  toggle();
  at("result").hidden = false;
}

/** Mark a class that the image has, where it can have several. */
function check() {
  const mark = document.createElement("b");
  mark.textContent = "✓ ";
  mark.setAttribute("aria-label", "There: ");
  return mark;
}

function toggle() {
  const heat = at("show-heat").checked && Boolean(at("heat").getAttribute("src"));
  at("heat").hidden = !heat;
  at("plain").hidden = heat;
}

let preview = "";
function classify(file) {
  if (!file) return;
  if (preview) URL.revokeObjectURL(preview);
  preview = URL.createObjectURL(file);
  const form = new FormData();
  form.append("file", file);
  ask(() => fetch("classify?heat=1", { method: "POST", body: form }), preview);
}

at("show-heat").addEventListener("change", toggle);
at("file").addEventListener("change", () => {
  classify(at("file").files[0]);
  at("file").value = "";
});
at("by-url").addEventListener("submit", (event) => {
  event.preventDefault();
  const url = at("url").value;
  ask(() => fetch(`classify-url?heat=1&url=${encodeURIComponent(url)}`), null);
});
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.remove("over");
  });
}
document.addEventListener("drop", (event) => classify(event.dataTransfer.files[0]));
document.addEventListener("paste", (event) => classify(event.clipboardData.files[0]));

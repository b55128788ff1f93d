// The faults of the bench page: what lies on the cabinet, each with a button to lift it, and a form for every kind.
const list = document.getElementById("faults");
const form = document.getElementById("fault-form");
const kind = document.getElementById("fault-kind");
let shown = "";

export function sentence(words, fault) {
  const text = words[`fault_${fault.kind}`] ?? "{kind} {target}";
  const what = text.replace(/\{(\w+)\}/g, (_, key) => fault[key]);
  return fault.for_s ? `${what} (${words.for_s.replace("{s}", +fault.for_s.toFixed(1))})` : what;
}

export function showFaults(words, faults) {
  const now = JSON.stringify(faults);
  if (now === shown) return;
  shown = now;
  const items = faults.map((fault) => {
    const item = document.createElement("li");
    const text = document.createElement("span");
    text.textContent = sentence(words, fault);
    const lift = document.createElement("button");
    lift.type = "button";
    lift.textContent = words.lift;
    lift.setAttribute("aria-label", `${words.lift}: ${text.textContent}`);
    lift.dataset.lift = JSON.stringify(fault);
    item.append(text, lift);
    return item;
  });
  if (!items.length) {
    const none = document.createElement("li");
    none.textContent = words.no_faults;
    items.push(none);
  }
  list.replaceChildren(...items);
}

function choose() {
  for (const set of form.querySelectorAll("fieldset")) {
    set.hidden = set.disabled = set.dataset.kind !== kind.value;
  }
}

function filled() {
  const fault = { kind: kind.value };
  for (const input of form.querySelectorAll("fieldset:enabled [name]")) {
    if (input.type === "checkbox") fault[input.name] = input.checked;
    else if (input.value !== "") fault[input.name] = "number" in input.dataset ? Number(input.value) : input.value;
  }
  return fault;
}

export function onFault(lay) {
  kind.addEventListener("change", choose);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    lay(filled());
  });
  choose();
}

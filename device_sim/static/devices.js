// Hands on the devices that have a serial port of their own: a code, a weight, a card, paper, a full box.
const section = document.getElementById("devices");
const said = document.getElementById("device-said");

function filled(form) {
  const body = { name: form.dataset.name };
  for (const input of form.querySelectorAll("[name]")) {
    if (input.type === "number") body[input.name] = Number(input.value);
    else if ("bool" in input.dataset) body[input.name] = input.value === "true";
    else body[input.name] = input.value;
  }
  return body;
}

function answered(words, told) {
  if ("read" in told) return told.read ? words.was_read : words.not_read;
  if ("shown_g" in told) return words.weighs.replace("{g}", told.shown_g);
  if ("printed" in told) return told.printed || words.nothing_printed;
  return words.done_so;
}

export function onDevices(words) {
  section?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    try {
      const answer = await fetch(form.dataset.post, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(filled(form)),
      });
      const told = await answer.json();
      said.textContent = `${form.dataset.name}: ${answer.ok ? answered(words, told) : told.detail}`;
    } catch {
      said.textContent = words.away;
    }
  });
}

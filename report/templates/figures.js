"use strict";
const options = {
  actions: {export: {svg: true, png: true}, source: false, compiled: false, editor: false},
  renderer: "svg",
};

async function unpack(id) {
  const packed = atob(document.getElementById(id).textContent);
  const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

let runtime;
function loadRuntime() {
  runtime ??= unpack("runtime").then((code) => {
    const script = document.createElement("script");
    script.textContent = code;
    document.head.append(script);
  });
  return runtime;
}

async function draw(box) {
  observer.unobserve(box);
  if (box.dataset.drawn) return;
  box.dataset.drawn = "yes";
  try {
    const [spec] = await Promise.all([unpack(box.dataset.spec), loadRuntime()]);
    await vegaEmbed(box, JSON.parse(spec), {...options, downloadFileName: box.dataset.name});
  } catch (error) {
    box.textContent = `This browser could not draw the chart (${error.message}); its SVG lies beside this page.`;
  }
  box.classList.remove("waiting");
}

const boxes = [...document.querySelectorAll(".chart")];
const observer = new IntersectionObserver(
  (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target)),
  {rootMargin: "400px"},
);
boxes.forEach((box) => observer.observe(box));
addEventListener("beforeprint", () => boxes.forEach(draw));

"use strict";
(async () => {
  const ALPHABET = document.getElementById("library").dataset.alphabet;

  /** Text packed by simulator/report/packing.py: five characters for four bytes, then zlib. */
  async function unpack(element) {
    const values = new Uint8Array(128);
    [...ALPHABET].forEach((letter, value) => { values[letter.charCodeAt(0)] = value; });
    const packed = element.textContent.trim();
    const missing = (5 - (packed.length % 5)) % 5;
    const groups = (packed.length + missing) / 5;
    const bytes = new DataView(new ArrayBuffer(4 * groups));
    for (let group = 0, place = 0; group < groups; group++) {
      let number = 0;
      for (let i = 0; i < 5; i++, place++) {
        number = number * 85 + (place < packed.length ? values[packed.charCodeAt(place)] : 84);
      }
      bytes.setUint32(4 * group, number);
    }
    const compressed = new Blob([bytes.buffer.slice(0, 4 * groups - missing)]).stream();
    return new Response(compressed.pipeThrough(new DecompressionStream("deflate"))).text();
  }

  function fail(words) {
    const place = document.getElementById("undrawn");
    place.textContent = words;
    place.hidden = false;
  }

  if (typeof DecompressionStream === "undefined") {
    fail("This browser is too old for the charts: it cannot unpack them. The words and tables are complete.");
    return;
  }
  const specs = JSON.parse(await unpack(document.getElementById("figures")));
  if (Object.keys(specs).length === 0) {
    document.documentElement.dataset.drawn = "0";
    return;
  }
  const library = document.createElement("script");
  library.textContent = await unpack(document.getElementById("library"));
  document.head.append(library);

  const narrow = matchMedia("(max-width: 40rem)");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const touch = matchMedia("(pointer: coarse)");
  const together = document.getElementById("together");
  const plots = [...document.querySelectorAll("[data-chart]")];

  /** A copy in which every "@role" is the colour that the style sheet gives the role now. */
  function coloured(value, styles) {
    if (typeof value === "string") return value[0] === "@" ? styles.getPropertyValue("--" + value.slice(1)).trim() : value;
    if (Array.isArray(value)) return value.length && typeof value[0] === "number" && typeof value.at(-1) === "number" ? value : value.map(item => coloured(item, styles));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, coloured(item, styles)]));
  }

  function themed(spec, styles) {
    const role = name => styles.getPropertyValue("--" + name).trim();
    const font = { family: role("text"), size: narrow.matches ? 11 : 12, color: role("soft") };
    const axis = {
      gridcolor: role("grid"), linecolor: role("rule"), zeroline: false, tickfont: font, automargin: true,
      ticks: "", hoverformat: undefined,
    };
    const layout = coloured(spec.layout, styles);
    for (const name of Object.keys(layout).filter(key => key.startsWith("yaxis"))) {
      layout[name] = { ...axis, ...layout[name] };
    }
    layout.xaxis = {
      ...axis, showgrid: false, showline: true, ticks: "outside", ticklen: 4, tickcolor: role("rule"), nticks: narrow.matches ? 5 : 10,
      hoverformat: "%Y-%m-%d %H:%M:%S UTC", spikemode: "across", spikethickness: 1, spikedash: "solid",
      spikecolor: role("soft"), spikesnap: "cursor", ...layout.xaxis,
    };
    layout.annotations = layout.annotations.map(note => ({
      ...note, xref: "paper", yref: "paper", x: 0, xanchor: "left", yanchor: "bottom", yshift: 5, showarrow: false,
      font: { ...font, color: role("ink") },
    }));
    return {
      ...layout, font, paper_bgcolor: role("clear"), plot_bgcolor: role("clear"), showlegend: false, uirevision: "kept",
      margin: { l: 8, r: narrow.matches ? 10 : 16, t: 30, b: 30 }, bargap: 0,
      hoverdistance: 40, dragmode: touch.matches ? false : "zoom",
      hoverlabel: { bgcolor: role("card"), bordercolor: role("rule"), font: { family: role("text"), size: 12, color: role("ink") } },
    };
  }

  const config = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: "reset", showTips: false };

  function paint(plot) {
    const spec = specs[plot.dataset.chart];
    const styles = getComputedStyle(document.documentElement);
    const traces = spec.traces.map(trace => ({ ...coloured(trace, styles), visible: !spec.hidden?.has(trace.legendgroup) }));
    const layout = themed(spec, styles);
    if (spec.range) layout.xaxis.range = spec.range.slice();
    return Plotly.react(plot, traces, layout, config);
  }

  /** Milliseconds of a plotly date, which is a number or "2020-03-12 01:02:03.4567" in UTC. */
  function instant(date) {
    if (typeof date === "number") return date;
    const [year, month, day, hour = 0, minute = 0, second = 0] = date.split(/[- :T]/).map(Number);
    return Date.UTC(year, month - 1, day, hour, minute) + 1000 * second;
  }

  /** Zoom one chart, or all of them when they are tied together, to a range of time. */
  async function zoom(source, range) {
    for (const plot of together.checked ? plots : [source]) {
      specs[plot.dataset.chart].range = range;
      const shown = plot.layout.xaxis.range.map(instant);
      if (Math.abs(shown[0] - range[0]) + Math.abs(shown[1] - range[1]) < 1) continue;
      await Plotly.relayout(plot, { "xaxis.range": range.slice() });
    }
  }

  const STEPS = { in: [0.25, -0.25], out: [-0.5, 0.5], earlier: [-0.5, -0.5], later: [0.5, 0.5] };

  function press(plot, step) {
    const whole = specs[plot.dataset.chart].layout.xaxis.range;
    if (step === "all") {
      if (!together.checked) return Plotly.relayout(plot, { "xaxis.range": whole.slice() });
      return zoom(plot, whole);
    }
    const [from, to] = plot.layout.xaxis.range.map(instant);
    const [left, right] = STEPS[step].map(share => share * (to - from));
    return zoom(plot, [Math.max(whole[0], from + left), Math.min(whole[1], to + right)]);
  }

  function listen(plot) {
    const figure = plot.closest("figure");
    const spec = specs[plot.dataset.chart];
    spec.hidden = new Set();
    plot.on("plotly_relayout", change => {
      if (Object.keys(change).some(key => key.startsWith("xaxis.range"))) zoom(plot, plot.layout.xaxis.range.map(instant));
    });
    for (const button of figure.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => press(plot, button.dataset.zoom));
    }
    for (const key of figure.querySelectorAll("[data-group]")) {
      key.addEventListener("click", () => {
        const hide = key.getAttribute("aria-pressed") === "true";
        key.setAttribute("aria-pressed", String(!hide));
        spec.hidden[hide ? "add" : "delete"](key.dataset.group);
        paint(plot);
      });
    }
  }

  for (const plot of plots) {
    await paint(plot);
    listen(plot);
  }
  document.getElementById("js-plotly-tester")?.setAttribute("aria-hidden", "true");
  for (const query of [dark, narrow, touch]) query.addEventListener("change", () => plots.forEach(paint));
  document.documentElement.dataset.drawn = String(plots.length);
})().catch(error => {
  const place = document.getElementById("undrawn");
  place.textContent = "The charts could not be drawn: " + error.message;
  place.hidden = false;
  throw error;
});

/* The same answers as of the server, from stored coefficients, which a worker evaluates. */
"use strict";

async function stored(about) {
  const worker = new Worker("worker.js"), waiting = new Map();
  let last = 0;
  worker.onmessage = ({ data: { id, value, error } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(error)); else resolve(value);
  };
  worker.onerror = () => { for (const { reject } of waiting.values()) reject(new Error("The page could not evaluate this; reload it.")); };
  const call = (name, ...given) => new Promise((resolve, reject) => {
    waiting.set(++last, { resolve, reject });
    worker.postMessage({ id: last, name, given });
  });
  await call("open", about, new URL("field/", location.href).href);
  return {
    async colours() { return about.colours; },
    place: (lon, lat, beta) => call("place", lon, lat, beta),
    numbers: (at) => call("numbers", { z: at.z, x: at.x, y: at.y }),
    likeness: (at, place) => call("likeness", { z: at.z, x: at.x, y: at.y }, place),
    lines: (detail) => served.lines(detail),
  };
}

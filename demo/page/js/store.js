// Recorded pictures, in this browser's own database: they stay until the visitor deletes them.

const DATABASE = "expressions", STORE = "captures";

function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function open() {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { autoIncrement: true });
  return settled(request);
}

async function within(mode, work) {
  const database = await open();
  try {
    return await settled(work(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

/** Keep one picture {label, time: ms, bytes: Uint8Array of a PNG}. */
export const add = (picture) => within("readwrite", (store) => store.add(picture));
/** All pictures in the order in which they were recorded. */
export const all = () => within("readonly", (store) => store.getAll());
/** Delete all pictures. */
export const clear = () => within("readwrite", (store) => store.clear());

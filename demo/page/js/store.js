// Recorded pictures, in this browser's own database: they stay until the visitor deletes them.

const DATABASE = "expressions", STORE = "captures";

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { autoIncrement: true });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** The result of `work`, once what it did is in the database. */
async function within(mode, work) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? request.error);
    });
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

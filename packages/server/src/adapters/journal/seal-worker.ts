import { parentPort } from "node:worker_threads";
import { compressSegment } from "./compressed-segment.ts";

/** The thread that compresses segments: takes the path of one, and says whether it is compressed now. */
if (parentPort === null) throw new Error("the seal worker runs as a thread");
const port = parentPort;
port.on("message", (path: string) => {
  // What failed has left the segment as it was.
  const done = compressSegment(path).then(
    () => true,
    () => false,
  );
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
  void done.then((isSealed) => port.postMessage(isSealed));
});

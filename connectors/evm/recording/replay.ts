/**
 * A recording in place of a node.
 *
 * @module
 */
import { RpcError } from "../rpc/errors.ts";
import type { Recording } from "./recording.ts";
import type { Call, Reply, Transport } from "../rpc/rpc.ts";

/** Answers calls from a recording. */
export class RecordingTransport implements Transport {
  readonly #recording: Recording;

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  send(calls: readonly Call[]): Promise<Reply> {
    let bytes = 0;
    const results = calls.map(({ method, params }) => {
      const text = this.#recording.answerText(method, params);
      if (text === undefined) {
        return new RpcError(
          "other",
          `the recording does not hold ${method} ${JSON.stringify(params)}`,
          { certain: true },
        );
      }
      bytes += text.length;
      return JSON.parse(text);
    });
    return Promise.resolve({ results, bytes });
  }
}

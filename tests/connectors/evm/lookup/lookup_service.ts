/**
 * A service that knows ABIs, over HTTP, with every trouble that real ones
 * give.
 *
 * @module
 */

/** What the service does with a request. */
export type Mood =
  | "well"
  | "rate"
  | "said_rate"
  | "error"
  | "html"
  | "silent"
  | "cut"
  | "moved"
  | "unverified";

/** A running service. */
export class LookupService implements AsyncDisposable {
  /** How it is; for the next request or from now on. */
  mood: Mood | ((address: string, times: number) => Mood) = "well";
  /** Requests by address or hash. */
  readonly asked = new Map<string, number>();
  /** The most requests for one thing that were under way at once. */
  mostAtOnce = 0;
  readonly #abis: ReadonlyMap<string, unknown>;
  readonly #atOnce = new Map<string, number>();
  readonly #silent = new Set<() => void>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  /** @param abis ABIs by address, and signatures by hash. */
  constructor(abis: Readonly<Record<string, unknown>>) {
    this.#abis = new Map(Object.entries(abis));
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => this.#serve(request),
    );
  }

  /** Where it answers. */
  get url(): string {
    const { hostname, port } = this.#server.addr;
    return `http://${hostname}:${port}/v2/api`;
  }

  /** All requests. */
  get requests(): number {
    return [...this.asked.values()].reduce((sum, one) => sum + one, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#silent) end();
    await this.#server.shutdown();
  }

  #serve(request: Request): Response {
    const { searchParams } = new URL(request.url);
    const what = searchParams.get("address") ??
      searchParams.get("function") ?? searchParams.get("event") ?? "";
    const times = this.asked.get(what) ?? 0;
    this.asked.set(what, times + 1);
    const atOnce = (this.#atOnce.get(what) ?? 0) + 1;
    this.#atOnce.set(what, atOnce);
    this.mostAtOnce = Math.max(this.mostAtOnce, atOnce);
    try {
      const mood = typeof this.mood === "function"
        ? this.mood(what, times)
        : this.mood;
      return this.#answer(mood, what, request);
    } finally {
      this.#atOnce.set(what, (this.#atOnce.get(what) ?? 1) - 1);
    }
  }

  /** Headers, and then nothing until whoever asked has gone. */
  #hang(what: string): Response {
    const count = (by: number) =>
      this.#atOnce.set(what, (this.#atOnce.get(what) ?? 0) + by);
    count(1);
    let end = () => {};
    const body = new ReadableStream({
      start: (controller) => {
        end = () => controller.close();
        this.#silent.add(end);
      },
      cancel: () => {
        this.#silent.delete(end);
        count(-1);
      },
    });
    return new Response(body);
  }

  #answer(
    mood: Mood,
    ...[what, request]: readonly [what: string, request: Request]
  ): Response {
    const failed = (result: string) =>
      Response.json({ status: "0", message: "NOTOK", result });
    switch (mood) {
      case "rate":
        return new Response("slow down", { status: 429 });
      case "said_rate":
        return failed("Max calls per sec rate limit reached (5/sec)");
      case "error":
        return Response.json({ error: "internal" }, { status: 500 });
      case "html":
        return new Response("<html>Just a moment…</html>", { status: 200 });
      case "cut":
        return new Response('{"status":"1","message":"OK","resu');
      case "moved":
        return Response.redirect("http://127.0.0.1:1/", 302);
      case "unverified":
        return failed("Contract source code not verified");
      case "silent":
        return this.#hang(what);
      case "well": {
        const query = new URL(request.url).searchParams;
        const known = this.#abis.get(what);
        const kind = query.has("function") ? "function" : "event";
        if (query.has(kind)) {
          const list = (known as readonly string[] | undefined)
            ?.map((name) => ({ name, filtered: false })) ?? null;
          return Response.json({
            ok: true,
            result: { function: {}, event: {}, [kind]: { [what]: list } },
          });
        }
        if (known === undefined) {
          return failed("Contract source code not verified");
        }
        const result = JSON.stringify(known);
        return Response.json({ status: "1", message: "OK", result });
      }
    }
  }
}

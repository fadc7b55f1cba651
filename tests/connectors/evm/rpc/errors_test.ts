import assert from "node:assert/strict";
import { classify, RpcError } from "../../../../connectors/evm/rpc/errors.ts";
import { hasSharedData, SHARED_DATA } from "../mainnet_blocks.ts";

interface Reported {
  readonly provider: string;
  readonly http_status: number | null;
  readonly headers?: Record<string, string>;
  readonly body: unknown;
  readonly meaning: string;
  readonly source: string;
}

const reported: Reported[] = hasSharedData()
  ? JSON.parse(Deno.readTextFileSync(`${SHARED_DATA}/provider_errors.json`))
  : [];

function told(status: number, body: unknown, headers: HeadersInit = {}) {
  return classify({ status, body, headers: new Headers(headers) });
}

for (const [index, one] of reported.entries()) {
  const { body, headers, http_status, meaning, provider } = one;
  Deno.test(`classify() tells ${meaning} of ${provider}, entry ${index}`, () => {
    const error = told(http_status ?? 200, body, headers);
    assert.equal(error?.kind, meaning === "null" ? "missing" : meaning);
  });
}

Deno.test("classify() knows every reported provider error", {
  ignore: reported.length === 0,
}, () => {
  assert.equal(reported.length, 42);
});

Deno.test("classify() takes a result for what it is", () => {
  for (const result of [{}, [], "0x1", false, 0, { code: 429 }]) {
    assert.equal(told(200, { jsonrpc: "2.0", id: 1, result }), undefined);
  }
});

Deno.test("classify() takes pages of HTML for a failure of the way", () => {
  for (const status of [200, 403, 502, 503, 504]) {
    const error = told(status, "<html>\n<title>503 not found</title></html>");
    assert.equal(error?.kind, "other");
    assert.equal(error?.transient, true);
    assert.match(error!.message, new RegExp(`HTTP ${status}`));
  }
  assert.equal(told(429, "<html>Too many</html>")?.kind, "rate");
});

for (
  const [status, body, kind] of [
    [401, "", "auth"],
    [403, { error: { code: -32002, message: "rejected" } }, "auth"],
    [200, { error: { code: -32000, message: "header not found" } }, "missing"],
    [200, { error: { code: -39001, message: "Unknown block" } }, "missing"],
    [
      200,
      { error: { code: -32001, message: "resource not found" } },
      "missing",
    ],
    [200, { error: { code: -32020, message: "too big" } }, "size"],
    [413, "Payload Too Large", "size"],
    [200, { code: 429, message: "slow down" }, "rate"],
    [200, { error: { code: -32017, message: "no" } }, "rate"],
    [402, { error: { code: -33000, message: "used up" } }, "quota"],
    [404, "404 page not found", "other"],
    [500, "", "other"],
    [200, {}, "other"],
    [200, null, "other"],
  ] as const
) {
  Deno.test(`classify() tells ${kind} from ${status} ${JSON.stringify(body)}`, () => {
    assert.equal(told(status, body)?.kind, kind);
  });
}

Deno.test("classify() tells a method that is not there", () => {
  for (
    const error of [
      { code: -32601, message: "Method not found" },
      {
        code: -32000,
        message: "the method eth_x does not exist/is not available",
      },
      { code: -32004, message: "Unsupported method: eth_x" },
    ]
  ) {
    const told = classify({ status: 200, body: { error } });
    assert.equal(told?.unsupported, true, error.message);
    assert.equal(told?.kind, "other");
  }
  const plan = told(200, {
    error: {
      code: -32600,
      message: "eth_x is not available on the Free tier - upgrade",
    },
  });
  assert.deepEqual([plan?.kind, plan?.unsupported], ["auth", true]);
});

Deno.test("classify() knows that a revert stays one", () => {
  const error = told(200, {
    error: { code: 3, message: "execution reverted", data: "0x" },
  });
  assert.deepEqual([error?.kind, error?.certain], ["other", true]);
});

const now = Date.now();
for (
  const [what, milliseconds, answer] of [
    ["Retry-After in seconds", 2000, { headers: { "retry-after": "2" } }],
    ["Infura's backoff_seconds", 30_000, {
      body: {
        error: {
          code: -32005,
          message: "x",
          data: { rate: { backoff_seconds: 30 } },
        },
      },
    }],
    ["a bare error object", 30_000, {
      body: {
        code: -32005,
        message: "x",
        data: { rate: { backoff_seconds: 30 } },
      },
    }],
    ["milliseconds in the text", 4, {
      body: { code: -32005, message: "rate limited, try again in 4ms" },
    }],
    ["seconds in the text", 1500, {
      body: { code: -32005, message: "Rate limited. Retry after 1.5 seconds" },
    }],
    ["minutes in the text", 120_000, {
      body: { code: -32005, message: "rate limit, please wait 2 minutes" },
    }],
    ["nothing", undefined, {
      body: {
        error: {
          code: -32005,
          message: "x",
          data: { rate: { backoff_seconds: 0 } },
        },
      },
    }],
  ] as const
) {
  Deno.test(`classify() reads the pause from ${what}`, () => {
    const { body = { error: { code: 429 } }, headers = {} } = answer as {
      body?: unknown;
      headers?: Record<string, string>;
    };
    assert.equal(told(429, body, headers)?.retryAfter, milliseconds);
  });
}

Deno.test("classify() reads the pause from Retry-After as a date", () => {
  const date = new Date(now + 60_000).toUTCString();
  const pause = told(429, "", { "retry-after": date })?.retryAfter ?? 0;
  assert.ok(pause > 50_000 && pause <= 60_000, `${pause}`);
});

Deno.test("RpcError shows what the provider said, and not too much of it", () => {
  const error = told(200, { error: { code: 1, message: "x".repeat(5000) } });
  assert.ok(error instanceof RpcError);
  assert.equal(error.message.length, 300);
});

// Lambda's runtime for Node.js, as far as handlers go: speaks the Runtime API and calls the handler that is named on
// the command line. Handlers may be CommonJS or ES modules, asynchronous, or answer by a callback.
//
// https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
import { existsSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { format } from "node:util";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true });
const root = process.env.LAMBDA_TASK_ROOT;
let requestId = "";

function call(method, name, body = "") {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host, port, agent, method, path: `/2018-06-01/runtime${name}`, headers: { "Content-Length": Buffer.byteLength(body) } },
      (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(parts).toString() }));
        response.on("error", reject);
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

function failure(error) {
  const isError = error instanceof Error;
  return {
    errorType: isError ? error.name : typeof error,
    errorMessage: isError ? error.message : String(error),
    trace: isError ? String(error.stack).split("\n") : [],
  };
}

class InitError extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

async function load(handler) {
  const match = /^(.*\/)?([^/]*?)\.(.+)$/.exec(handler);
  if (!match) throw new InitError("Runtime.MalformedHandlerName", "Bad handler");
  const [, folder = "", module, names] = match;
  const file = [".js", ".mjs", ".cjs", ""].map((end) => path.join(root, folder, module + end)).find((each) => existsSync(each));
  if (!file) throw new InitError("Runtime.ImportModuleError", `Error: Cannot find module '${folder}${module}'`);
  let loaded;
  try {
    loaded = file.endsWith(".mjs") ? await import(file) : await required(file);
  } catch (error) {
    if (error instanceof SyntaxError) throw new InitError("Runtime.UserCodeSyntaxError", String(error));
    if (["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"].includes(error?.code)) {
      throw new InitError("Runtime.ImportModuleError", `Error: ${error.message.split("\n")[0]}`);
    }
    throw error;
  }
  const found = names.split(".").reduce((each, name) => each?.[name], loaded) ?? loaded.default?.[names];
  if (typeof found !== "function") {
    throw new InitError("Runtime.HandlerNotFound", `${handler} is undefined or not exported`);
  }
  return found;
}

async function required(file) {
  try {
    return createRequire(file)(file);
  } catch (error) {
    if (error?.code !== "ERR_REQUIRE_ESM") throw error;
    return import(file);
  }
}

function invoke(handler, event, context) {
  return new Promise((resolve, reject) => {
    const done = (error, result) => (error ? reject(error) : resolve(result));
    const answer = handler(event, context, done);
    if (typeof answer?.then === "function") answer.then(resolve, reject);
    else if (answer !== undefined || handler.length < 3) resolve(answer);
  });
}

for (const level of ["debug", "info", "log", "warn", "error"]) {
  const name = level === "log" ? "INFO" : level.toUpperCase();
  console[level] = (...words) => {
    // One event for each call, whatever lines it has.
    const text = format(...words).replaceAll("\n", "\r");
    process.stdout.write(`${new Date().toISOString()}\t${requestId}\t${name}\t${text}\n`);
  };
}

let handler;
try {
  handler = await load(process.argv[2]);
} catch (error) {
  console.error("Uncaught Exception", JSON.stringify(failure(error)));
  await call("POST", "/init/error", JSON.stringify(failure(error)));
  process.exit(1);
}
for (;;) {
  const next = await call("GET", "/invocation/next");
  const header = (name) => next.headers[`lambda-runtime-${name}`];
  requestId = header("aws-request-id");
  process.env._X_AMZN_TRACE_ID = header("trace-id") ?? "";
  const deadline = Number(header("deadline-ms"));
  const context = {
    awsRequestId: requestId,
    invokedFunctionArn: header("invoked-function-arn"),
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
  let kind = "response";
  let answer;
  try {
    answer = JSON.stringify((await invoke(handler, JSON.parse(next.body), context)) ?? null);
  } catch (error) {
    kind = "error";
    answer = JSON.stringify(failure(error));
    console.error("Invoke Error", answer);
  }
  await call("POST", `/invocation/${requestId}/${kind}`, answer);
}

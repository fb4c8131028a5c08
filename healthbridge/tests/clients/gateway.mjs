// Runs operations through Apollo Gateway, where its package is installed. Standard input has the supergraph, the subgraphs'
// URLs and requests ({ token, query, variables }); standard output gets a list of answers.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const { ApolloGateway, RemoteGraphQLDataSource } = require("@apollo/gateway");
const { parse } = require("graphql");

class WithToken extends RemoteGraphQLDataSource {
  willSendRequest({ request, context }) {
    if (context.token) request.http.headers.set("authorization", `Bearer ${context.token}`);
  }
}

const { supergraph, urls, requests } = JSON.parse(readFileSync(0, "utf8"));
const logger = { debug() {}, info() {}, warn: console.error, error: console.error };
const gateway = new ApolloGateway({
  supergraphSdl: supergraph,
  buildService: ({ name }) => new WithToken({ url: urls[name] }),
  logger,
});
const { schema, executor } = await gateway.load();
const answers = [];
for (const { token, query, variables } of requests) {
  answers.push(
    await executor({
      request: { query, variables },
      document: parse(query),
      queryHash: query,
      operationName: null,
      context: { token },
      metrics: {},
      overallCachePolicy: { restrict() {} },
      schema,
      logger,
    }),
  );
}
await gateway.stop();
process.stdout.write(JSON.stringify(answers));

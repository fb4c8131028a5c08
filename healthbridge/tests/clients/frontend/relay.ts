import { Environment, Network, RecordSource, Store, commitMutation, fetchQuery } from "relay-runtime";
import type { GraphQLResponse, GraphQLTaggedNode, MutationParameters, OperationType } from "relay-runtime";
import chart from "./relay/__generated__/OperationsPatientChartQuery.graphql";
import type { OperationsPatientChartQuery } from "./relay/__generated__/OperationsPatientChartQuery.graphql";
import ownNames from "./relay/__generated__/OperationsOwnNamesQuery.graphql";
import type { OperationsOwnNamesQuery } from "./relay/__generated__/OperationsOwnNamesQuery.graphql";
import page from "./relay/__generated__/OperationsPatientPageQuery.graphql";
import type { OperationsPatientPageQuery } from "./relay/__generated__/OperationsPatientPageQuery.graphql";
import refresh from "./relay/__generated__/OperationsRefreshSessionMutation.graphql";
import type { OperationsRefreshSessionMutation } from "./relay/__generated__/OperationsRefreshSessionMutation.graphql";
import signIn from "./relay/__generated__/OperationsSignInMutation.graphql";
import type { OperationsSignInMutation } from "./relay/__generated__/OperationsSignInMutation.graphql";
import { authorization, url, walk } from "./walk";
import type { Outcome } from "./walk";

/** Relay leaves the transport to its user: this is the one of its documentation, which looks at the status. */
class Refused extends Error {
  constructor(readonly status: number) {
    super(`status ${status}`);
  }
}

const network = Network.create(async ({ text }, variables) => {
  const headers = { "content-type": "application/json", ...authorization() };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ query: text, variables }) });
  if (!answer.ok) throw new Refused(answer.status);
  return (await answer.json()) as GraphQLResponse;
});
const environment = new Environment({ network, store: new Store(new RecordSource()) });

async function ask<Query extends OperationType>(
  query: GraphQLTaggedNode,
  variables: Query["variables"],
): Promise<Outcome<Query["response"]>> {
  try {
    return { data: await fetchQuery<Query>(environment, query, variables).toPromise(), errors: [] };
  } catch (error) {
    if (error instanceof Refused) return { data: null, errors: [], status: error.status };
    throw error;
  }
}

function change<Mutation extends MutationParameters>(
  mutation: GraphQLTaggedNode,
  variables: Mutation["variables"],
): Promise<Mutation["response"]> {
  return new Promise((onCompleted, onError) =>
    commitMutation<Mutation>(environment, { mutation, variables, onCompleted, onError }),
  );
}

walk({
  signIn: async (email, password) =>
    (await change<OperationsSignInMutation>(signIn, { input: { email, password } })).signIn ?? {},
  refresh: async (refreshToken) =>
    (await change<OperationsRefreshSessionMutation>(refresh, { input: { refreshToken } })).refreshSession ?? {},
  page: async (variables) => {
    const { data, ...rest } = await ask<OperationsPatientPageQuery>(page, variables);
    return { data: data?.patients, ...rest };
  },
  chart: async (id) => {
    const { data, ...rest } = await ask<OperationsPatientChartQuery>(chart, { id });
    return { data: data?.patient, ...rest };
  },
  ownNames: (id) => ask<OperationsOwnNamesQuery>(ownNames, { id }),
});

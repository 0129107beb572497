// Checks custom resources against the schemas of their definitions, as npm packs them:
//   node benches/valid_custom.mjs FOLDER < objects.json
// FOLDER is where `npm install` was run. Prints one answer an object: null where there is no schema, "" where it is
// valid, otherwise what is wrong.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const require = createRequire(resolve(process.argv[2], "package.json"));
const PACKAGES = {
  "argoproj.io/v1alpha1 Rollout": "argo-rollouts",
  "argoproj.io/v1alpha1 AnalysisTemplate": "argo-rollouts",
  "argoproj.io/v1alpha1 Application": "argo-cd",
  "gateway.networking.k8s.io/v1 HTTPRoute": "gateway-api",
  "networking.istio.io/v1beta1 VirtualService": "istio",
  "kustomize.toolkit.fluxcd.io/v1 Kustomization": "flux-cd",
  "helm.toolkit.fluxcd.io/v2 HelmRelease": "flux-cd",
};

const answer = (given) => {
  // The packages have no v1 of Istio, which is v1beta1 with another name.
  const same = given.apiVersion === "networking.istio.io/v1";
  const object = same ? { ...given, apiVersion: "networking.istio.io/v1beta1" } : given;
  const name = PACKAGES[`${object.apiVersion} ${object.kind}`];
  if (!name) return null;
  let model;
  try {
    model = require(`@kubernetes-models/${name}/${object.apiVersion}/${object.kind}`)[object.kind];
  } catch {
    return null;
  }
  try {
    new model(object).validate();
    return "";
  } catch (error) {
    return String(error.message).slice(0, 300);
  }
};
console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(answer)));

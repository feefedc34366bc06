import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { Pod, Service } from 'kubernetes-models/v1';
import t from 'tap';
import { parse } from 'yaml';
import { DOCKER, ROOT } from './paths.js';

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
}
interface Kustomization extends Manifest {
  readonly resources: readonly string[];
  readonly patches?: readonly { readonly path: string }[];
}

const KINDS: Readonly<Record<string, new (data: never) => { validate(): void }>> = {
  'apps/v1 Deployment': Deployment,
  'autoscaling/v2 HorizontalPodAutoscaler': HorizontalPodAutoscaler,
  'policy/v1 PodDisruptionBudget': PodDisruptionBudget,
  'v1 Service': Service,
};

const FOLDER = join(DOCKER, 'kubernetes');

function read<T = object>(...path: string[]): T {
  return parse(readFileSync(join(FOLDER, ...path), 'utf8')) as T;
}

for (const variant of readdirSync(FOLDER)) {
  const { resources, patches = [] } = read<Kustomization>(variant, 'kustomization.yaml');
  const patched = patches.map(({ path }) => path);

  t.test(`${variant}: the kustomization names every file of its folder, and nothing else`, async t => {
    for (const name of [...resources, ...patched]) t.ok(existsSync(join(FOLDER, variant, name)), name);
    const files = readdirSync(join(FOLDER, variant)).filter(name => name !== 'kustomization.yaml');
    t.same(
      files.filter(name => !resources.includes(name) && !patched.includes(name)),
      [],
    );
  });

  for (const name of resources.filter(name => name.endsWith('.yaml'))) {
    t.test(`${variant}/${name} fits the API's schema`, async t => {
      const manifest = read<Manifest>(variant, name);
      const Kind = KINDS[`${manifest.apiVersion} ${manifest.kind}`];
      if (Kind === undefined) return t.fail(`no schema is known for ${manifest.apiVersion} ${manifest.kind}`);
      t.doesNotThrow(() => new Kind(manifest as never).validate());
    });
  }
}

t.test('a broken manifest is found out', async t => {
  const manifest = { ...read('cpu', 'deployment.yaml'), spec: { replicas: 'two' } };
  t.throws(() => new Deployment(manifest as never).validate(), /spec\/replicas must be integer/);
});

t.test('the parts fit each other, and the server', async t => {
  const { metadata, spec } = new Deployment(read<{ spec: never }>('cpu', 'deployment.yaml'));
  const service = new Service(read<{ spec: never }>('cpu', 'service.yaml'));
  const budget = new PodDisruptionBudget(read<{ spec: never }>('cpu', 'pod-disruption-budget.yaml'));
  const scaler = new HorizontalPodAutoscaler(read<{ spec: never }>('cpu', 'horizontal-pod-autoscaler.yaml'));
  const { metadata: pod, spec: podSpec } = spec!.template;
  const [container] = podSpec!.containers;

  t.same(spec!.selector.matchLabels, pod!.labels);
  t.same(service.spec!.selector, pod!.labels);
  t.same(budget.spec!.selector!.matchLabels, pod!.labels);
  t.equal(scaler.spec!.scaleTargetRef.name, metadata!.name);
  t.equal(service.spec!.ports![0]!.targetPort, container!.ports![0]!.name);

  const { paths } = parse(readFileSync(join(ROOT, 'openapi.yaml'), 'utf8')) as { paths: object };
  for (const probe of [container!.startupProbe, container!.livenessProbe, container!.readinessProbe]) {
    t.equal(probe!.httpGet!.port, container!.ports![0]!.name);
    t.ok(probe!.httpGet!.path! in paths, probe!.httpGet!.path!);
  }
  t.match(container!.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  t.equal(podSpec!.securityContext!.runAsNonRoot, true);
  t.ok(container!.lifecycle!.preStop, 'the endpoints get time to forget a pod');
  t.ok(podSpec!.terminationGracePeriodSeconds! >= 5 + 25 + 5, 'pre-stop, drain, and some to spare');
});

t.test('the GPU overlay changes what there is, and fits the schema when it is laid over', async t => {
  type Patch = Pick<Required<Deployment>, 'metadata'> & {
    spec: { template: { spec: { containers: [{ name: string }]; tolerations: object[] } } };
  };
  const base = read<Patch>('cpu', 'deployment.yaml');
  const patch = read<Patch>('gpu', 'gpu.yaml');
  t.equal(patch.metadata.name, base.metadata.name);
  const [own] = base.spec.template.spec.containers;
  const [container] = patch.spec.template.spec.containers;
  t.equal(container.name, own.name, 'containers are merged by their names');
  const podSpec = {
    ...base.spec.template.spec,
    ...patch.spec.template.spec,
    containers: [{ ...own, ...container }],
  };
  const spec = { ...base.spec, ...patch.spec, template: { ...base.spec.template, spec: podSpec } };
  t.doesNotThrow(() => new Deployment({ ...base, spec } as never).validate());
  t.match(podSpec.containers[0], { resources: { limits: { 'nvidia.com/gpu': 1 } } });
});

interface InferenceService extends Manifest {
  readonly spec: {
    readonly predictor: {
      readonly containers: readonly object[];
      readonly model: {
        readonly runtime: string;
        readonly modelFormat: { readonly name: string };
        readonly protocolVersion: string;
        readonly storageUri: string;
      };
    };
  };
}

interface ServingRuntime extends Manifest {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly supportedModelFormats: readonly { readonly name: string }[];
    readonly protocolVersions: readonly string[];
    readonly containers: readonly object[];
  };
}

t.test("KServe's predictor is a pod", async t => {
  const service = read<InferenceService>('..', 'kserve', 'inference-service.yaml');
  t.match(service, { apiVersion: 'serving.kserve.io/v1beta1', kind: 'InferenceService' });
  const { containers } = service.spec.predictor;
  t.match(containers, [{ name: 'kserve-container' }], 'the name that KServe wants');
  t.doesNotThrow(() => new Pod({ spec: { containers } as never }).validate());
});

t.test("KServe's runtime is a pod, and serves the model beside it by v2", async t => {
  const runtime = read<ServingRuntime>('..', 'kserve', 'serving-runtime.yaml');
  t.match(runtime, { apiVersion: 'serving.kserve.io/v1alpha1', kind: 'ServingRuntime' });
  const { containers, protocolVersions, supportedModelFormats } = runtime.spec;
  const pod = new Pod({ spec: { containers } as never });
  t.doesNotThrow(() => pod.validate());
  const [container] = pod.spec!.containers;
  t.match(container, { name: 'kserve-container', args: ['serve', '{{.Name}}=/mnt/models'] });
  const { paths } = parse(readFileSync(join(ROOT, 'openapi.yaml'), 'utf8')) as { paths: object };
  for (const probe of [container!.livenessProbe, container!.readinessProbe])
    t.ok(probe!.httpGet!.path! in paths, probe!.httpGet!.path!);

  const service = read<InferenceService>('..', 'kserve', 'inference-service-v2.yaml');
  t.match(service, { apiVersion: 'serving.kserve.io/v1beta1', kind: 'InferenceService' });
  const { model } = service.spec.predictor;
  t.equal(model.runtime, runtime.metadata.name);
  t.match(protocolVersions, [model.protocolVersion]);
  t.ok(supportedModelFormats.some(({ name }) => name === model.modelFormat.name));
  t.match(model.storageUri, /^pvc:/, 'from where the cluster can fetch it');
});

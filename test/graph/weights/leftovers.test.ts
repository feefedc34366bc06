import t from 'tap';
import { ModelConfig } from '#graph/config.js';
import {
  leftoverWarning,
  leftoverWarnings,
  patternsOf,
  predictsFurtherTokens,
  sortLeftovers,
} from '#graph/weights/leftovers.js';

t.test('heads, harmless buffers, and what may matter are told apart', async t => {
  const heads = [
    'bert.pooler.dense.weight',
    'pooler.dense.bias',
    'cls.predictions.transform.dense.weight',
    'lm_head.weight',
    'classifier.out_proj.weight',
    'qa_outputs.bias',
    'score.weight',
    'vocab_transform.weight',
    'pre_classifier.bias',
    'head.norm.weight',
    'final_logits_bias',
    'vision_model.post_layernorm.weight',
  ];
  const harmless = [
    'embeddings.position_ids',
    'bert.embeddings.position_ids',
    'dinov2.embeddings.mask_token',
    'encoder.layers.0.blocks.1.attention.self.relative_position_index',
    'model.layers.0.self_attn.rotary_emb.inv_freq',
    'transformer.h.11.attn.bias',
    'transformer.h.11.attn.masked_bias',
    'model.shared.weight',
    'encoder.embed_tokens.weight',
    'model.decoder.embed_positions.weight',
  ];
  const unknown = [
    'model.layers.0.self_attn.q_norm.weight',
    'model.layers.0.self_attn.q_proj.weight_scale',
    'encoder.layer.3.adapter.dense.weight',
    'linear.weight',
    'model.vision_tower.patch_embed.weight',
    'h.0.attn.c_attn.bias_scale',
  ];
  t.strictSame(sortLeftovers([...heads, ...harmless, ...unknown]), { heads, unknown, fields: [] });
});

t.test('layers that predict further tokens are a head', async t => {
  const layers = { num_hidden_layers: 3, num_nextn_predict_layers: 2 };
  const told = (fields: object, ...names: string[]) => {
    const config = new ModelConfig('config.json', { ...fields });
    return sortLeftovers(names, [], predictsFurtherTokens(config));
  };
  const name = (layer: number): string => `model.layers.${layer}.eh_proj.weight`;
  const [own, first, second, third] = [name(2), name(3), name(4), name(5)];
  t.match(told(layers, own, first, second, third), { heads: [first, second], unknown: [own, third] });
  t.match(told({ num_hidden_layers: 3 }, first), { heads: [], unknown: [first] });
  t.match(told({ ...layers, num_nextn_predict_layers: 0 }, first, 'layer.3.x'), { heads: [] });
});

t.test('the warning lists layers as one, and not too many', async t => {
  const layers = (name: string, count = 12) => Array.from({ length: count }, (_, i) => `layers.${i}.${name}`);
  t.strictSame(patternsOf(['a.0.b.1.c', 'a.1.b.7.c', 'a.b2.c', 'x.3']), ['a.*.b.*.c', 'a.b2.c', 'x.*']);
  t.equal(leftoverWarning({ unknown: [] }), undefined);
  t.strictSame(leftoverWarnings({ heads: [], unknown: [], fields: ['a field'] }), ['a field']);
  t.match(
    leftoverWarning({ unknown: [...layers('q_norm.weight'), ...layers('k_norm.weight')] }),
    /^24 tensors of the weights are read by no layer: layers\.\*\.q_norm\.weight, layers\.\*\.k_norm\.weight; if/,
  );
  t.match(leftoverWarning({ unknown: ['x'] }), /^1 tensor of the weights is read by no layer: x;/);
  const many = Array.from({ length: 9 }, (_, i) => `w${String.fromCharCode(97 + i)}`);
  t.match(leftoverWarning({ unknown: many }), /wa, wb, wc, wd, we, wf and 3 more;/);
});

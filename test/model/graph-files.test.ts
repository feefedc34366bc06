import t from 'tap';
import { chooseGraphs, chooseSeq2SeqGraphs, chooseTowerGraphs, precisionOf } from '#model/graph-files.js';

t.test('which graph of many', async t => {
  const hub = [
    'model',
    'model_fp16',
    'model_int8',
    'model_q4',
    'model_q4f16',
    'model_quantized',
    'model_uint8',
  ];
  const names = hub.map(name => `onnx/${name}.onnx`);
  t.strictSame(chooseGraphs(names), ['onnx/model.onnx']);
  t.strictSame(chooseGraphs(names, 'f16'), ['onnx/model_fp16.onnx']);
  t.strictSame(chooseGraphs(names, 'int8'), ['onnx/model_int8.onnx']);
  t.strictSame(chooseGraphs(names, 'int4'), ['onnx/model_q4.onnx']);
  t.strictSame(chooseGraphs(['onnx/model_q4f16.onnx', 'onnx/model_quantized.onnx']), [
    'onnx/model_quantized.onnx',
  ]);
  t.strictSame(chooseGraphs(['onnx/model.onnx'], 'int4'), []);
  t.strictSame(chooseGraphs([]), []);

  const pair = ['decoder_model.onnx', 'decoder_with_past_model.onnx'];
  t.strictSame(chooseGraphs(pair), pair);
  t.strictSame(chooseGraphs([...pair, 'decoder_model_merged.onnx']), ['decoder_model_merged.onnx']);
  t.strictSame(
    chooseGraphs(['onnx/decoder_model.onnx']),
    ['onnx/decoder_model.onnx'],
    'the only one, whatever its name',
  );
  t.strictSame(chooseGraphs(['phi-3-mini-cpu-int4.onnx']), ['phi-3-mini-cpu-int4.onnx']);
  t.strictSame(chooseGraphs(['vision.onnx', 'text.onnx', 'deep/er/model.onnx']), []);
});

t.test('two towers of one precision', async t => {
  const names = ['model', 'vision_model', 'text_model', 'vision_model_fp16', 'text_model_quantized'].map(
    name => `onnx/${name}.onnx`,
  );
  t.strictSame(chooseTowerGraphs(names), ['onnx/vision_model.onnx', 'onnx/text_model.onnx']);
  t.strictSame(chooseTowerGraphs(names, 'f16'), [], 'one of them is missing');
  t.strictSame(chooseTowerGraphs(['onnx/model.onnx']), []);
});

t.test('precision by name', async t => {
  const names = [
    'model.onnx',
    'model_fp16.onnx',
    'decoder_model_merged_quantized.onnx',
    'onnx/model_q4f16.onnx',
  ];
  t.strictSame(names.map(precisionOf), [undefined, 'f16', 'int8', 'int4']);
});

t.test('the graphs of an encoder-decoder belong together', t => {
  const merged = ['encoder_model', 'decoder_model_merged'];
  const pair = ['encoder_model', 'decoder_model', 'decoder_with_past_model'];
  const files = (stems: readonly string[], suffix = '', folder = 'onnx/'): string[] =>
    stems.map(stem => `${folder}${stem}${suffix}.onnx`);
  const hub = ['', '_fp16', '_int8', '_quantized', '_q4'].flatMap(suffix => [
    ...files(pair, suffix),
    ...files(merged, suffix),
  ]);
  t.strictSame(chooseSeq2SeqGraphs(hub), files(merged));
  t.strictSame(chooseSeq2SeqGraphs(hub, 'f16'), files(merged, '_fp16'));
  t.strictSame(chooseSeq2SeqGraphs(hub, 'int8'), files(merged, '_int8'));
  t.strictSame(chooseSeq2SeqGraphs(files(merged, '_quantized'), 'int8'), files(merged, '_quantized'));
  t.strictSame(chooseSeq2SeqGraphs(files(merged, '_quantized')), files(merged, '_quantized'));
  t.strictSame(chooseSeq2SeqGraphs(files(pair, '', '')), files(pair, '', ''));
  t.strictSame(chooseSeq2SeqGraphs(files(merged), 'int8'), []);
  for (const missing of pair)
    t.strictSame(chooseSeq2SeqGraphs(files(pair.filter(stem => stem !== missing))), [], missing);
  t.strictSame(
    chooseSeq2SeqGraphs([...files(['encoder_model'], '_fp16'), ...files(['decoder_model_merged'])]),
    [],
    'of two precisions',
  );
  t.end();
});

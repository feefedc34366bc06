import { OpusDecoder } from 'opus-decoder';
import { broken } from '../failures.js';
import { checkSound, downmix } from '../sound.js';
import type { PacketDecoder } from './packet-decoder.js';
import { DamagedData, strictly } from './strictly.js';

/** What Opus decodes to, whatever it was recorded with. */
const OPUS_RATE = 48_000;

/** Samples of a moment of 20 ms, which is what a packet nearly always has. */
const USUAL_PACKET = 960;

/** Bytes of a packet that the decoder takes, for each channel. */
const MOST_BYTES = 3840;

/** @param head `OpusHead` (RFC 7845, section 5.1). @throws AudioFailure `broken` */
export async function openOpus(head: Uint8Array): Promise<PacketDecoder> {
  if (head.length < 19) throw broken('has a damaged header');
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const channels = head[9]!;
  const delay = view.getUint16(10, true);
  const gain = 10 ** (view.getInt16(16, true) / 256 / 20);
  checkSound(OPUS_RATE, channels);
  const decoder = new OpusDecoder({ channels, ...readMapping(head, channels) });
  await decoder.ready;
  let length = USUAL_PACKET;
  return {
    rate: OPUS_RATE,
    delay,
    decode(packet) {
      if (packet.length === 0 || packet.length > MOST_BYTES * channels) return new Float32Array(length);
      try {
        const samples = downmix(strictly(() => decoder.decodeFrame(packet)).channelData);
        if (gain !== 1) for (let i = 0; i < samples.length; i++) samples[i]! *= gain;
        length = samples.length;
        return samples;
      } catch (error) {
        if (error instanceof DamagedData) return new Float32Array(length);
        throw error;
      }
    },
    free: () => decoder.free(),
  };
}

/** How streams of one or two channels make up the channels (RFC 7845, section 5.1.1). */
function readMapping(
  head: Uint8Array,
  channels: number,
): { streamCount: number; coupledStreamCount: number; channelMappingTable: number[] } {
  if (head[18] === 0) {
    if (channels > 2) throw broken('has a damaged header');
    return {
      streamCount: 1,
      coupledStreamCount: channels - 1,
      channelMappingTable: channels === 2 ? [0, 1] : [0],
    };
  }
  const [streamCount = 0, coupledStreamCount = 0, ...table] = head.subarray(19);
  const channelMappingTable = table.slice(0, channels);
  const decoded = streamCount + coupledStreamCount;
  if (
    streamCount === 0 ||
    coupledStreamCount > streamCount ||
    channelMappingTable.length < channels ||
    channelMappingTable.some(channel => channel !== 255 && channel >= decoded)
  )
    throw broken('has a damaged header');
  return { streamCount, coupledStreamCount, channelMappingTable };
}

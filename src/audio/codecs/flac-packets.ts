import type { SoundLimits } from '../sound.js';
import {
  decodeFlacFrame,
  readFlacHeader,
  readStreamInfo,
  STREAM_INFO_SIZE,
  type FlacStream,
} from './flac.js';
import type { PacketDecoder } from './packet-decoder.js';

/** Opens FLAC whose frames come as packets. @param streamInfo the first block of its header. */
export function openFlacPackets(streamInfo: Uint8Array, limits: SoundLimits): PacketDecoder {
  const stream: FlacStream = readStreamInfo(streamInfo.subarray(0, STREAM_INFO_SIZE));
  if (stream.total > 0) limits.announce(stream.total / stream.rate);
  return {
    rate: stream.rate,
    delay: 0,
    decode(packet) {
      const header = readFlacHeader(packet, stream);
      if (header === undefined || header.rate !== stream.rate) return new Float32Array();
      try {
        return decodeFlacFrame(packet, header).sound.samples;
      } catch {
        return new Float32Array(header.blockSize);
      }
    },
    free: () => undefined,
  };
}

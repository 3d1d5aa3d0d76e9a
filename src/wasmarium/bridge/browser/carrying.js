/**
 * Ways from callees (engines/host/shims.py) into Python. The value of this file is a function that is given Pyodide's
 * memory, an area in it, and `resolve`, by which Python gives a callback for a number. It makes `later`, which asks for
 * the callback at the first call (making one takes longer than most calls), and `carrier`, which also carries what
 * pointers lead to between the guest and the area.
 *
 * Whatever is out of bounds, not aligned or too large is left to `slow`, which is all of the function in Python: it says
 * what is wrong. So nothing here fails, and nothing has been written to the guest when `slow` is called.
 */
(pyodideMemory, area, areaSize, resolve) => {
  "use strict";

  const { DataView, Uint8Array } = globalThis;

  // As in engines/host/carrying.py: where in the area results and bytes are, and answers beside an error number.
  const FRAME = area + 16;
  const GIVEN = area + 120;
  const RESULT = area + 128;
  const BYTES = area + 256;
  const ROOM = areaSize - 256;
  const FAIL = -1;
  const SLOW = -4;
  const DONE = -5;
  const KEEP = -6;
  const VECTORS = 64;
  // A view costs more than that many bytes one by one.
  const SHORT = 24;
  const LENT = 4096;
  const LENT_HEAD = 16;

  let python = new Uint8Array(pyodideMemory.buffer);
  let numbers = new DataView(pyodideMemory.buffer);
  const lookAgain = () => {
    if (python.buffer === pyodideMemory.buffer) return;
    python = new Uint8Array(pyodideMemory.buffer);
    numbers = new DataView(pyodideMemory.buffer);
  };

  let resolves = true;
  const later = (number) => {
    let call;
    const plain = () => {
      call ??= resolve(number);
      // Python could not even make it
      return call ? call() : FAIL;
    };
    plain.destroy = () => {
      call?.destroy();
      if (resolves) resolve.destroy();
      resolves = false;
    };
    return plain;
  };

  /** The memory of a guest, undefined until it is known, and views of it. */
  class Guest {
    memory = undefined;
    bytes = undefined;
    numbers = undefined;

    use(memory) {
      this.memory = memory;
      this.bytes = new Uint8Array(memory.buffer);
      this.numbers = new DataView(memory.buffer);
    }

    lookAgain() {
      if (this.bytes.buffer !== this.memory.buffer) this.use(this.memory);
    }
  }

  /** What a callee calls, where `carry` does the work once the guest's memory is known. */
  const standing = (guest, slow, quick, carry) => {
    const plain = () => {
      if (guest.memory === undefined) {
        // by this Python learns that it is time to say which memory it is
        quick();
        return slow();
      }
      lookAgain();
      guest.lookAgain();
      return carry();
    };
    plain.use = (memory) => guest.use(memory);
    plain.destroy = () => {
      slow.destroy();
      quick.destroy();
    };
    return plain;
  };

  /**
   * What a callee calls. There are places in the area, or -1: `bytes`, where the address of bytes or of vectors is, which
   * go to Python (`inward`) or come from there; `result`, where the address of the result is, so large and so aligned;
   * `more`, where that of four further bytes of it is; `stream`, where the number of one is whose bytes Python may have
   * lent, which then are at `lent` (see Lent in runtime/function.py).
   */
  const carrier = (
    slowNumber,
    quickNumber,
    bytes,
    vectors,
    inward,
    result,
    size,
    alignment,
    more,
    stream,
    lent,
  ) => {
    const slow = later(slowNumber);
    const quick = later(quickNumber);
    let kept; // a result that is the same at every call
    const guest = new Guest();

    /** Addresses and lengths, in turn; undefined where they are not to be carried. */
    const vectorsAt = (list, count) => {
      if (count > VECTORS || list % 4 || list + 8 * count > guest.bytes.length) return undefined;
      const found = [];
      let total = 0;
      for (let i = 0; i < count; i += 1) {
        const start = guest.numbers.getUint32(list + 8 * i, true);
        const length = guest.numbers.getUint32(list + 8 * i + 4, true);
        total += length;
        if (start + length > guest.bytes.length || total > ROOM) return undefined;
        found.push(start, length);
      }
      return found;
    };
    const gather = (found) => {
      let at = BYTES;
      for (let i = 0; i < found.length; i += 2) {
        python.set(guest.bytes.subarray(found[i], found[i] + found[i + 1]), at);
        at += found[i + 1];
      }
      return at - BYTES;
    };
    const room = (found) => {
      let total = 0;
      for (let i = 1; i < found.length; i += 2) total += found[i];
      return total;
    };
    const scatter = (found, given) => {
      let at = BYTES;
      for (let i = 0; i < found.length && at < BYTES + given; i += 2) {
        const length = Math.min(found[i + 1], BYTES + given - at);
        guest.bytes.set(python.subarray(at, at + length), found[i]);
        at += length;
      }
    };

    let lends = stream >= 0;
    /** Serves a call with bytes that Python has lent; false where Python is to be asked. */
    const serve = () => {
      if (numbers.getUint32(lent, true) !== numbers.getUint32(area + stream, true) + 1) return false;
      const list = numbers.getUint32(area + bytes, true);
      const pointer = numbers.getUint32(area + result, true);
      if (numbers.getUint32(area + bytes + 4, true) !== 1 || list % 4 || pointer % 4) return false;
      if (list + 8 > guest.bytes.length || pointer + 4 > guest.bytes.length) return false;
      const start = guest.numbers.getUint32(list, true);
      const length = guest.numbers.getUint32(list + 4, true);
      const taken = numbers.getUint32(lent + 4, true);
      const left = Math.min(numbers.getUint32(lent + 8, true), LENT) - taken;
      if (length === 0 || length > left || start + length > guest.bytes.length) return false;
      const from = lent + LENT_HEAD + taken;
      if (length === 1) guest.bytes[start] = python[from];
      else guest.bytes.set(python.subarray(from, from + length), start);
      guest.numbers.setUint32(pointer, length, true);
      numbers.setUint32(lent + 4, taken + length, true);
      numbers.setInt32(area, 0, true);
      return true;
    };

    const carry = () => {
      if (lends && serve()) return undefined;
      let pointer = 0;
      let start = 0;
      let count = 0;
      let found;
      if (result >= 0) {
        pointer = numbers.getUint32(area + result, true);
        if (pointer + size > guest.bytes.length || pointer % alignment) return slow();
      }
      let second = 0;
      if (more >= 0) {
        second = numbers.getUint32(area + more, true);
        if (second + 4 > guest.bytes.length || second % 4) return slow();
      }
      if (bytes >= 0) {
        start = numbers.getUint32(area + bytes, true);
        count = numbers.getUint32(area + bytes + 4, true);
        if (vectors) {
          found = vectorsAt(start, count);
          if (found === undefined) return slow();
          numbers.setUint32(area + bytes + 4, inward ? gather(found) : room(found), true);
        } else {
          if (count > ROOM || start + count > guest.bytes.length) return slow();
          if (inward) python.set(guest.bytes.subarray(start, start + count), BYTES);
        }
      }
      const answer = kept === undefined ? quick() : undefined;
      if (answer === KEEP) kept = numbers.buffer.slice(RESULT, RESULT + size + 4);
      if (answer === undefined || answer === KEEP) {
        // Python may have made any of the memories larger
        lookAgain();
        guest.lookAgain();
        if (bytes >= 0 && !inward) {
          const given = numbers.getUint32(RESULT, true);
          if (vectors) scatter(found, given);
          else guest.bytes.set(python.subarray(BYTES, BYTES + given), start);
        }
        if (kept !== undefined) python.set(new Uint8Array(kept), RESULT);
        if (size === 4) guest.numbers.setUint32(pointer, numbers.getUint32(RESULT, true), true);
        else if (result >= 0) guest.bytes.set(python.subarray(RESULT, RESULT + size), pointer);
        if (more >= 0) guest.numbers.setUint32(second, numbers.getUint32(RESULT + size, true), true);
        numbers.setInt32(area, 0, true);
        return undefined;
      }
      if (answer > 0) {
        numbers.setInt32(area, answer, true);
        return undefined;
      }
      if (answer === SLOW) {
        if (vectors) numbers.setUint32(area + bytes + 4, count, true);
        return slow();
      }
      return answer === DONE ? undefined : answer;
    };
    const plain = standing(guest, slow, quick, carry);
    const { destroy } = plain;
    plain.forget = () => {
      kept = undefined;
    };
    plain.destroy = () => {
      lends = false;
      destroy();
    };
    return plain;
  };

  /**
   * The same for a function with frames (see runtime/frames.py). `size` are the bytes of its operands. There are places in
   * the frame, or -1: `first` and `second`, where pointers to what goes to Python are, in units of so many bytes; `room`,
   * where the pointer to the buffer is; and `out`, where the result goes, which has `outSize` bytes.
   */
  const framer = (
    slowNumber,
    quickNumber,
    size,
    first,
    firstUnit,
    second,
    secondUnit,
    room,
    out,
    outSize,
  ) => {
    const slow = later(slowNumber);
    const quick = later(quickNumber);
    const end = Math.max(size, out + outSize);
    const guest = new Guest();

    /** How many bytes there are behind a pointer and a number of units; more than any ROOM where they are not to be carried. */
    const sizeAt = (at, unit) => {
      // the upper half of a number is 0, or it is far out of bounds
      if (guest.numbers.getUint32(at + 4, true) || guest.numbers.getUint32(at + 12, true)) return Infinity;
      const found = guest.numbers.getUint32(at + 8, true) * unit;
      return guest.numbers.getUint32(at, true) + found > guest.bytes.length ? Infinity : found;
    };
    const take = (start, found, at) => {
      if (found > SHORT) python.set(guest.bytes.subarray(start, start + found), at);
      else for (let i = 0; i < found; i += 1) python[at + i] = guest.bytes[start + i];
    };

    const carry = () => {
      const sp = numbers.getUint32(area, true);
      const frame = sp + 8;
      if (frame + end > guest.bytes.length) return slow();
      for (let i = 0; i < size; i += 4)
        numbers.setUint32(FRAME + i, guest.numbers.getUint32(frame + i, true), true);
      let start = 0;
      if (first >= 0) {
        const found = sizeAt(frame + first, firstUnit);
        if (found > ROOM) return slow();
        take(guest.numbers.getUint32(frame + first, true), found, BYTES);
        if (second >= 0) {
          const more = sizeAt(frame + second, secondUnit);
          if (found + more > ROOM) return slow();
          take(guest.numbers.getUint32(frame + second, true), more, BYTES + found);
        }
      } else if (room >= 0) {
        if (sizeAt(frame + room, 1) > ROOM) return slow();
        start = guest.numbers.getUint32(frame + room, true);
      }
      const answer = quick();
      if (answer === undefined) {
        // Python may have made any of the memories larger
        lookAgain();
        guest.lookAgain();
        if (room >= 0) {
          const given = numbers.getUint32(GIVEN, true);
          guest.bytes.set(python.subarray(BYTES, BYTES + given), start);
        }
        let i = 0;
        for (; i + 4 <= outSize; i += 4)
          guest.numbers.setUint32(frame + out + i, numbers.getUint32(RESULT + i, true), true);
        for (; i < outSize; i += 1) guest.bytes[frame + out + i] = python[RESULT + i];
        return undefined;
      }
      if (answer !== SLOW) return answer;
      numbers.setUint32(area, sp, true);
      return slow();
    };
    return standing(guest, slow, quick, carry);
  };

  return { later, carrier, framer };
};

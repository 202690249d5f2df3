// SmallState: the state of one customer, and its packed form. One object is used again for every record.

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

final class SmallState {
    /** A promise or a reply that is due. */
    static final class Open {
        long due;
        boolean isReply;
        byte[] object;
    }

    double good;
    double bad;
    long at;
    long events;
    long sent;
    long timer; // that is stored for this customer
    private final List<Open> open = new ArrayList<>(); // by due time, then as they came

    void read(byte[] bytes) {
        open.clear();
        if (bytes == null) {
            good = 0;
            bad = 0;
            at = 0;
            events = 0;
            sent = 5_000;
            timer = Long.MAX_VALUE;
            return;
        }
        good = Double.longBitsToDouble(be64(bytes, 0));
        bad = Double.longBitsToDouble(be64(bytes, 8));
        at = be64(bytes, 16);
        events = be32(bytes, 24);
        sent = be32(bytes, 28);
        timer = be64(bytes, 32);
        int place = 40;
        while (place < bytes.length) {
            Open each = new Open();
            each.due = be64(bytes, place);
            each.isReply = bytes[place + 8] != 0;
            int size = bytes[place + 9] & 0xff;
            each.object = Arrays.copyOfRange(bytes, place + 10, place + 10 + size);
            open.add(each);
            place += 10 + size;
        }
    }

    byte[] bytes() {
        int size = 40;
        for (Open each : open) {
            size += 10 + each.object.length;
        }
        byte[] bytes = new byte[size];
        putBe64(bytes, 0, Double.doubleToRawLongBits(good));
        putBe64(bytes, 8, Double.doubleToRawLongBits(bad));
        putBe64(bytes, 16, at);
        putBe32(bytes, 24, (int) events);
        putBe32(bytes, 28, (int) sent);
        putBe64(bytes, 32, timer);
        int place = 40;
        for (Open each : open) {
            putBe64(bytes, place, each.due);
            bytes[place + 8] = (byte) (each.isReply ? 1 : 0);
            bytes[place + 9] = (byte) each.object.length;
            System.arraycopy(each.object, 0, bytes, place + 10, each.object.length);
            place += 10 + each.object.length;
        }
        return bytes;
    }

    long firstDue() {
        return open.isEmpty() ? Long.MAX_VALUE : open.get(0).due;
    }

    Open takeFirst() {
        return open.remove(0);
    }

    void open(long due, boolean isReply, byte[] object) {
        Open added = new Open();
        added.due = due;
        added.isReply = isReply;
        added.object = object;
        int place = open.size();
        while (place > 0 && open.get(place - 1).due > due) {
            place--;
        }
        open.add(place, added);
    }

    /** Whether it was open. */
    boolean close(boolean isReply, byte[] object) {
        for (int i = 0; i < open.size(); i++) {
            Open each = open.get(i);
            if (each.isReply == isReply && Arrays.equals(each.object, object)) {
                open.remove(i);
                return true;
            }
        }
        return false;
    }

    static long be64(byte[] bytes, int at) {
        return ((long) be32(bytes, at) << 32) | (be32(bytes, at + 4) & 0xffff_ffffL);
    }

    static void putBe64(byte[] bytes, int at, long value) {
        putBe32(bytes, at, (int) (value >>> 32));
        putBe32(bytes, at + 4, (int) value);
    }

    private static int be32(byte[] bytes, int at) {
        return (bytes[at] & 0xff) << 24 | (bytes[at + 1] & 0xff) << 16 | (bytes[at + 2] & 0xff) << 8 | (bytes[at + 3] & 0xff);
    }

    private static void putBe32(byte[] bytes, int at, int value) {
        bytes[at] = (byte) (value >>> 24);
        bytes[at + 1] = (byte) (value >>> 16);
        bytes[at + 2] = (byte) (value >>> 8);
        bytes[at + 3] = (byte) value;
    }
}

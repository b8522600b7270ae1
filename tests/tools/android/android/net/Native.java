package android.net;

import java.io.IOException;

/** android_net.c. Each returns -1 when it fails. */
final class Native {
    static {
        System.loadLibrary("android_net");
    }

    private Native() {}

    static native int bind(String name);

    static native int accept(int fd);

    static native int peerUid(int fd);

    static native int setTimeout(int fd, int milliseconds);

    static native int read(int fd, byte[] data, int offset, int len);

    static native int write(int fd, byte[] data, int offset, int len);

    static native void close(int fd);

    static int check(int result, String call) throws IOException {
        if (result < 0) {
            throw new IOException(call + " failed");
        }
        return result;
    }
}

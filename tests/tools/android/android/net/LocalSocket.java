package android.net;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** As much of Android's class as the receiver uses. */
public class LocalSocket implements Closeable {
    private final int fd;

    LocalSocket(int fd) {
        this.fd = fd;
    }

    public void setSoTimeout(int milliseconds) throws IOException {
        Native.check(Native.setTimeout(fd, milliseconds), "setSoTimeout");
    }

    public Credentials getPeerCredentials() throws IOException {
        return new Credentials(Native.check(Native.peerUid(fd), "getPeerCredentials"));
    }

    public InputStream getInputStream() {
        return new InputStream() {
            @Override
            public int read() throws IOException {
                byte[] one = new byte[1];
                return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
            }

            @Override
            public int read(byte[] data, int offset, int len) throws IOException {
                int count = Native.check(Native.read(fd, data, offset, len), "read");
                return count == 0 ? -1 : count;
            }
        };
    }

    public OutputStream getOutputStream() {
        return new OutputStream() {
            @Override
            public void write(int one) throws IOException {
                write(new byte[] {(byte) one}, 0, 1);
            }

            @Override
            public void write(byte[] data, int offset, int len) throws IOException {
                Native.check(Native.write(fd, data, offset, len), "write");
            }
        };
    }

    @Override
    public void close() {
        Native.close(fd);
    }
}

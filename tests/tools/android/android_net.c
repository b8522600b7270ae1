/* The native half of android.net for the tests of the Java receiver. Names are bound by the code
 * under Android's LocalServerSocket: socket_local_server() of libcutils. */
#define _GNU_SOURCE

#include <jni.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define METHOD(type, name) JNIEXPORT type JNICALL Java_android_net_Native_##name

/* cutils/sockets.h; ANDROID_SOCKET_NAMESPACE_ABSTRACT is 0. */
int socket_local_server(const char *name, int namespace_id, int type);

METHOD(jint, bind)(JNIEnv *env, jclass class, jstring name) {
    const char *text = (*env)->GetStringUTFChars(env, name, NULL);
    int fd = socket_local_server(text, 0, SOCK_STREAM);

    (void)class;
    (*env)->ReleaseStringUTFChars(env, name, text);
    return fd;
}

METHOD(jint, accept)(JNIEnv *env, jclass class, jint fd) {
    (void)env;
    (void)class;
    return accept(fd, NULL, NULL);
}

METHOD(jint, peerUid)(JNIEnv *env, jclass class, jint fd) {
    struct ucred cred;
    socklen_t len = sizeof(cred);

    (void)env;
    (void)class;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ? -1 : (jint)cred.uid;
}

METHOD(jint, setTimeout)(JNIEnv *env, jclass class, jint fd, jint milliseconds) {
    struct timeval time = {milliseconds / 1000, milliseconds % 1000 * 1000};

    (void)env;
    (void)class;
    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
}

METHOD(jint, read)(JNIEnv *env, jclass class, jint fd, jbyteArray data, jint offset, jint len) {
    char bytes[4096];
    ssize_t count = read(fd, bytes, (size_t)len < sizeof(bytes) ? (size_t)len : sizeof(bytes));

    (void)class;
    if (count > 0)
        (*env)->SetByteArrayRegion(env, data, offset, (jsize)count, (jbyte *)bytes);
    return (jint)count;
}

METHOD(jint, write)(JNIEnv *env, jclass class, jint fd, jbyteArray data, jint offset, jint len) {
    char bytes[4096];

    (void)class;
    if ((size_t)len > sizeof(bytes))
        return -1;
    (*env)->GetByteArrayRegion(env, data, offset, len, (jbyte *)bytes);
    return send(fd, bytes, (size_t)len, MSG_NOSIGNAL) == len ? len : -1;
}

METHOD(void, close)(JNIEnv *env, jclass class, jint fd) {
    (void)env;
    (void)class;
    close(fd);
}

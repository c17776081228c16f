using Microsoft.Win32.SafeHandles;

namespace Skipwise.Storage;

/// <summary>Positioned reads that either fill the destination or say where the file failed.</summary>
internal static class FileBytes
{
    /// <exception cref="SkipwiseException">the file ends before the destination is full, or the disk fails</exception>
    public static void Read(SafeFileHandle handle, Span<byte> destination, long offset, string path)
    {
        while (destination.Length > 0)
        {
            int read;
            try
            {
                read = RandomAccess.Read(handle, destination, offset);
            }
            catch (IOException e)
            {
                throw new SkipwiseException($"{path}: reading failed at byte {offset}: {e.Message}", e);
            }
            if (read == 0)
            {
                throw new SkipwiseException($"{path}: ends at byte {offset}: it became shorter while it was being read");
            }
            destination = destination[read..];
            offset += read;
        }
    }

    /// <summary>The bytes from <paramref name="offset"/> on. The caller has made sure that the file is that long.</summary>
    public static byte[] Read(SafeFileHandle handle, long offset, int count, string path)
    {
        byte[] bytes = new byte[count];
        Read(handle, bytes, offset, path);
        return bytes;
    }
}

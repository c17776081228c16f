using Microsoft.Win32.SafeHandles;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.Formats;

/// <summary>
/// Reads contiguous elements from a file directly into a tensor's memory, on all cores. Fresh memory is populated slice by slice, because
/// page faults would otherwise take most of the time. Elements that need a conversion go through a buffer that stays in the processor's
/// cache.
/// </summary>
internal static unsafe class DirectReader
{
    private const int BufferBytes = 1 << 18;

    /// <summary>Fills <paramref name="count"/> elements of memory.</summary>
    /// <param name="handle">the open file</param>
    /// <param name="path">for error messages</param>
    /// <param name="offset">first byte in the file</param>
    /// <param name="memory">receives <paramref name="count"/> elements, which can be more than a span holds; the caller owns it</param>
    /// <exception cref="SkipwiseException">the file is shorter than it was, or the disk fails</exception>
    public static void Fill(
        SafeFileHandle handle, string path, long offset, byte* memory, long count, ElementConversion widening)
    {
        long bytes = count * widening.Size;
        void Read(byte* start, byte* end)
        {
            MemoryPages.PopulateForWrite(start, end - start);
            long place = offset + ((start - memory) / widening.Size * widening.StoredSize);
            if (widening.Convert is null)
            {
                FileBytes.Read(handle, new Span<byte>(start, (int)(end - start)), place, path);
                return;
            }
            byte[] buffer =
                GC.AllocateUninitializedArray<byte>((int)Math.Min(BufferBytes, (end - start) / widening.Size * widening.StoredSize));
            while (start < end)
            {
                int elements = (int)Math.Min(buffer.Length / widening.StoredSize, (end - start) / widening.Size);
                Span<byte> stored = buffer.AsSpan(0, elements * widening.StoredSize);
                FileBytes.Read(handle, stored, place, path);
                widening.Convert(stored, new Span<byte>(start, elements * widening.Size));
                start += elements * widening.Size;
                place += stored.Length;
            }
        }

        // A slice is a huge page; the first and the last slice are the rest before and after the huge pages.
        MemoryPages.AdviseHugePages(memory, bytes);
        long first = (nint)memory / MemoryPages.HugePageSize;
        long pages = (((nint)memory + (nint)bytes - 1) / MemoryPages.HugePageSize) - first + 1;
        void ReadPage(long page)
        {
            byte* start = (byte*)((first + page) * MemoryPages.HugePageSize);
            Read(start < memory ? memory : start, (byte*)Math.Min((long)(start + MemoryPages.HugePageSize), (long)(memory + bytes)));
        }

        if (bytes <= MemoryPages.HugePageSize)
        {
            Read(memory, memory + bytes);
            return;
        }
        try
        {
            Parallel.For(0, pages, ReadPage);
        }
        catch (AggregateException e) when (e.InnerExceptions[0] is SkipwiseException inner)
        {
            throw new SkipwiseException(inner.Message, e);
        }
    }
}

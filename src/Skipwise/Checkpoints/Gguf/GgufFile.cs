using System.Text;
using Microsoft.Win32.SafeHandles;
using Skipwise.Checkpoints.Formats;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>
/// A GGUF file, open for reading (versions 2 and 3). Opening reads and checks what is before the tensors. Tensors of F64, F32, F16 and BF16
/// are read as they are, Q8_0 and Q4_0 as float32; the other types of llama.cpp are only listed.
/// </summary>
internal sealed class GgufFile : TensorFile
{
    private static readonly Dictionary<string, string> s_noTexts = [];

    private GgufFile(string path, SafeFileHandle handle, GgufHeader header)
        : base(path, handle, header.Tensors, s_noTexts, isMapped: true) => Values = header.Metadata;

    /// <summary>The file's metadata.</summary>
    public GgufMetadata Values { get; }

    /// <summary>Whether a path is a file that begins as a GGUF file does.</summary>
    /// <exception cref="SkipwiseException">the file cannot be read</exception>
    public static bool IsAt(string path)
    {
        if (!File.Exists(path))
        {
            return false;
        }
        return Open(path, handle =>
        {
            using (handle)
            {
                return RandomAccess.GetLength(handle) >= sizeof(uint)
                    && Encoding.Latin1.GetString(FileBytes.Read(handle, 0, sizeof(uint), path)) == GgufWriter.Magic;
            }
        });
    }

    /// <summary>Opens a file and reads its header.</summary>
    /// <exception cref="SkipwiseException">there is no such file, it is no GGUF file, or its header is inconsistent</exception>
    public static GgufFile Open(string path) => Open(path, handle =>
        new GgufFile(path, handle, GgufHeader.Parse(new GgufCursor(handle, path, RandomAccess.GetLength(handle)))));
}

using Skipwise.Documents;

namespace Skipwise.Tests;

public sealed partial class ReaderFuzzTests
{
    /// <summary>
    /// A file that stays open costs a descriptor of the process, of which a corpus of many files needs as many, and keeps others from
    /// writing it. Whole or damaged, and where the reader leaves early, nobody holds it afterwards.
    /// </summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Who_has_read_a_file_or_refused_it_has_closed_it(string name)
    {
        Reader reader = s_readers[name](this);
        byte[] whole = File.ReadAllBytes(reader.Path);
        foreach (byte[] bytes in (byte[][])[whole, whole[..(whole.Length / 2)], [.. whole[..^1], 0xFF], []])
        {
            File.WriteAllBytes(reader.Path, bytes);
            Record.Exception(reader.Read);
            RequireClosed(reader.Path);
        }
        if (name.StartsWith("data.", StringComparison.Ordinal) && name != "data.tokens")
        {
            File.WriteAllBytes(reader.Path, whole);
            _ = DocumentReader.Read([reader.Path], new()).First();
            RequireClosed(reader.Path);
        }
    }

    /// <summary>
    /// Exclusive access is refused as long as anybody has the file open, this process too. A child process that another test is just
    /// starting has all files until it runs its own program, so a refusal counts when it lasts.
    /// </summary>
    private static void RequireClosed(string path)
    {
        for (int left = 500; ; left--)
        {
            try
            {
                new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose();
                return;
            }
            catch (IOException) when (left > 0)
            {
                Thread.Sleep(20);
            }
        }
    }
}

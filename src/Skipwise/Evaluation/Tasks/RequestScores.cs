using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Skipwise.Evaluation.Tasks;

/// <summary>
/// Scores known so far, by model and request: a request that comes again is not computed again. With a file, every score is
/// appended as a JSON line and flushed with its batch, so that a run that was cut off continues where it stood.
/// </summary>
internal sealed class RequestScores : IDisposable
{
    private readonly byte[] _model;
    private readonly Dictionary<string, RequestScore> _known = [];
    private readonly StreamWriter? _file;

    /// <summary>Scores of one run only.</summary>
    public RequestScores() => _model = [];

    /// <summary>Continues a file, or begins it. A last line without its end, as a crash leaves it, is dropped.</summary>
    /// <param name="model"><see cref="Models.ModelFingerprint"/>; the file may hold scores of others too</param>
    /// <exception cref="SkipwiseException">the file cannot be read or written, or holds something else</exception>
    public RequestScores(string path, ulong model)
    {
        _model = BitConverter.GetBytes(model);
        FileStream? stream = null;
        try
        {
            stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            stream.SetLength(ReadLines(path, stream));
            stream.Position = stream.Length;
            _file = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { NewLine = "\n" };
        }
        catch (Exception e)
        {
            stream?.Dispose();
            if (e is IOException or UnauthorizedAccessException)
            {
                throw new SkipwiseException($"{path}: cannot be opened for scores: {e.Message}. Choose another --cache, or end the run that uses it", e);
            }
            throw;
        }
    }

    /// <summary>scores known now</summary>
    public int Count => _known.Count;

    public bool Has(string key) => _known.ContainsKey(key);

    public RequestScore this[string key] => _known[key];

    /// <summary>Name of a request on this model: its tokens and how many of them are scored.</summary>
    public string KeyOf(TaskRequest request)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(_model);
        hash.AppendData(MemoryMarshal.AsBytes<int>([request.Continuation, .. request.Tokens]));
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }

    /// <summary>Takes in a batch's scores.</summary>
    public void Add(IEnumerable<(TaskRequest Request, RequestScore Score)> batch)
    {
        foreach ((TaskRequest request, RequestScore score) in batch)
        {
            string key = KeyOf(request);
            _known[key] = score;
            _file?.WriteLine(EvaluationJson.Line(new Line(key, score.LogLikelihood, score.IsGreedy)));
        }
        _file?.Flush();
    }

    public void Dispose() => _file?.Dispose();

    /// <returns>where the last complete line ends</returns>
    private long ReadLines(string path, FileStream stream)
    {
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        ReadOnlySpan<byte> bytes = copy.GetBuffer().AsSpan(0, (int)copy.Length);
        int end = bytes.LastIndexOf((byte)'\n') + 1, number = 0;
        foreach (Range range in bytes[..end].Split((byte)'\n'))
        {
            number++;
            if (bytes[range].IsEmpty)
            {
                continue;
            }
            try
            {
                Line line = EvaluationJson.ReadLine<Line>(bytes[range]) ?? throw new JsonException("found null.");
                _known[line.Key] = new(line.LogLikelihood, line.IsGreedy);
            }
            catch (JsonException e)
            {
                throw new SkipwiseException($"{path}, line {number}: no score of a request: {e.Message} Name another file as --cache, or remove this one", e);
            }
        }
        return end;
    }

    private sealed record Line([property: JsonRequired] string Key, [property: JsonRequired] double LogLikelihood, [property: JsonRequired] bool IsGreedy);
}

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Skipwise.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Evaluation.Tasks;

/// <summary>A text that two models share only if they compute the same: from the configuration (rope included), the computing type and every weight.</summary>
internal static class ModelFingerprint
{
    public static string Of(CausalLM model)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(JsonSerializer.SerializeToUtf8Bytes(model.Config with { MaxPositionEmbeddings = 0 })); // the window cuts texts; it does not change their scores
        foreach ((string name, Parameter parameter) in model.named_parameters().OrderBy(p => p.name, StringComparer.Ordinal))
        {
            using var scope = NewDisposeScope();
            Tensor weight = parameter.detach().cpu().contiguous();
            hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{name} {weight.dtype} {string.Join(',', weight.shape)};")));
            hash.AppendData(weight.bytes);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }
}

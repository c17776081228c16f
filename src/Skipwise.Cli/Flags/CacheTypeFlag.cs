using System.CommandLine;
using Skipwise.Inference;
using Skipwise.Recipes;

namespace Skipwise.Cli.Flags;

/// <summary>The precision of the KV cache, wherever texts are generated.</summary>
internal static class CacheTypeFlag
{
    public static Flag<KvCacheType> CacheType(this Command command) =>
        command.Choice("--kv-cache-dtype",
            "type in which keys and values are stored; auto: that of --dtype; int8: blocks of 32 with a scale each",
            new EngineOptions().CacheType)
        .Sets(nameof(EngineOptions.CacheType)).Sets(nameof(GenerateTextOptions.CacheType));
}
